import type { Backend, InstalledRules } from "./backend.ts";
import { systemFamilies } from "./families.ts";
import { MarkedRoute } from "./marked_route.ts";
import { type Ruleset, type Side, tproxyFamilies } from "./ruleset.ts";
import { type Command, RulesError, type Tools } from "./tools.ts";

/** A snapshot of all that one side has installed: rules, and the route of packets that they mark. */
export class Installed {
  /** The rules. */
  readonly rules: InstalledRules;
  /** The route. */
  readonly route: MarkedRoute;

  /** Combines both. */
  constructor(rules: InstalledRules, route: MarkedRoute = MarkedRoute.none) {
    this.rules = rules;
    this.route = route;
  }

  /**
   * Reads what a ruleset consists of: the route only if it has one.
   *
   * @throws {RulesError} If that can't be read.
   */
  static async readFor(ruleset: Ruleset, backend: Backend, tools: Tools): Promise<Installed> {
    const hasRoute = tproxyFamilies(ruleset).length > 0;
    return new Installed(await backend.read(ruleset.side), hasRoute ? await readRoute(ruleset.side, tools) : undefined);
  }

  /** A description: equal texts are equal states. */
  get text(): string {
    return `${this.rules.text}\n${this.route.text}`;
  }

  /** Commands that replace all with a ruleset. A packet is not marked before there is a route for it. */
  async applyCommands(ruleset: Ruleset): Promise<Command[]> {
    const families = tproxyFamilies(ruleset);
    return [
      ...this.route.applyCommands(families),
      ...await this.rules.applyCommands(ruleset),
      ...this.route.removeCommands(families),
    ];
  }
}

/** Reads the route for marked packets, which only clients have. @throws {RulesError} If it can't be read. */
export async function readRoute(side: Side, tools: Tools): Promise<MarkedRoute> {
  return side === "client" ? await MarkedRoute.read(tools, systemFamilies()) : MarkedRoute.none;
}

/** Checks that what a ruleset needs is there. @throws {RulesError} If iproute2 is missing. */
export function checkTools(ruleset: Ruleset, tools: Tools): void {
  if (tproxyFamilies(ruleset).length === 0 || tools.has("ip")) return;
  throw new RulesError("rules for UDP need ip; install iproute2");
}
