import { MARK, MARK_PRIORITY, MARK_PROTOCOL, MARK_TABLE } from "./mark.ts";
import { FAMILIES, type Family } from "./ruleset.ts";
import { type Command, RulesError, type Tools } from "./tools.ts";

/** A row of `ip -N -json`, in which numbers of tables, types and protocols are text. */
type Row = Readonly<Record<string, unknown>>;

const FLAGS: Readonly<Record<Family, string>> = { ipv4: "-4", ipv6: "-6" };

/** Number of the type of local routes (rtnetlink(7)). */
const LOCAL = "2";

const RULE = `fwmark ${MARK} lookup ${MARK_TABLE} priority ${MARK_PRIORITY} protocol ${MARK_PROTOCOL}`;
const ROUTE = `local default dev lo table ${MARK_TABLE} proto ${MARK_PROTOCOL}`;

/** The rule and the route, as far as one version of IP has them. */
interface FamilyState {
  readonly family: Family;
  /** Number of rules like ours: normally 1. */
  readonly rules: number;
  /** True if the table has the route. */
  readonly route: boolean;
}

/**
 * A snapshot of the routing that brings marked packets to this machine's own sockets, whatever their destination: a rule
 * that sends them to a table of our own, in which every address is local.
 */
export class MarkedRoute {
  readonly #states: readonly FamilyState[];

  private constructor(states: readonly FamilyState[]) {
    this.#states = states;
  }

  /**
   * Reads it. On a machine without iproute2 there is none.
   *
   * @param families The versions of IP that this machine has.
   * @throws {RulesError} If that fails.
   */
  static async read(tools: Tools, families: readonly Family[] = FAMILIES): Promise<MarkedRoute> {
    if (!tools.has("ip")) return MarkedRoute.none;
    return new MarkedRoute(
      await Promise.all(families.map(async (family) => {
        const rows = await ask(tools, family, "rule", `route show table all proto ${MARK_PROTOCOL}`);
        return { family, rules: rows.filter(isRule).length, route: rows.some(isRoute) };
      })),
    );
  }

  /** A snapshot without any, for when it can't be read. */
  static readonly none: MarkedRoute = new MarkedRoute(FAMILIES.map((family) => ({ family, rules: 0, route: false })));

  /** True if any of it is in place. */
  get present(): boolean {
    return this.#states.some(({ rules, route }) => rules > 0 || route);
  }

  /** A description: equal texts are equal states. */
  get text(): string {
    return this.#states.map(({ family, rules, route }) => `${family} ${rules} ${route}`).join("\n");
  }

  /** Commands that put it in place for some versions of IP; none if nothing changes. */
  applyCommands(families: readonly Family[]): Command[] {
    return this.#commands((state) =>
      families.includes(state.family)
        ? [
          ...state.route ? [] : [`route add ${ROUTE}`],
          ...state.rules > 0 ? [] : [`rule add ${RULE}`],
          ...Array<string>(Math.max(0, state.rules - 1)).fill(`rule del ${RULE}`),
        ]
        : []
    );
  }

  /** Commands that remove it, but for some versions of IP. */
  removeCommands(except: readonly Family[] = []): Command[] {
    return this.#commands(({ family, rules, route }) =>
      except.includes(family)
        ? []
        : [...Array<string>(rules).fill(`rule del ${RULE}`), ...route ? [`route del ${ROUTE}`] : []]
    );
  }

  /** The versions of IP that have all of it. */
  get families(): Family[] {
    return this.#states.filter(({ rules, route }) => rules > 0 && route).map(({ family }) => family);
  }

  #commands(linesOf: (state: FamilyState) => string[]): Command[] {
    return this.#states.flatMap((state) => {
      const lines = linesOf(state).map((line) => `${line}\n`);
      return lines.length === 0
        ? []
        : [{ program: "ip" as const, args: [FLAGS[state.family], "-batch", "-"], input: lines.join("") }];
    });
  }
}

function isRule({ priority, fwmark, table, protocol }: Row): boolean {
  return Number(priority) === MARK_PRIORITY && Number(fwmark) === MARK && Number(table) === MARK_TABLE &&
    Number(protocol) === MARK_PROTOCOL;
}

function isRoute({ table, type, dst, dev }: Row): boolean {
  return Number(table) === MARK_TABLE && type === LOCAL && dst === "default" && dev === "lo";
}

/** The rows that commands print, each an array on a line of its own. */
async function ask(tools: Tools, family: Family, ...commands: string[]): Promise<Row[]> {
  const args = [FLAGS[family], "-N", "-json", "-batch", "-"], input = commands.map((line) => `${line}\n`).join("");
  const text = await tools.run({ program: "ip", args, input });
  try {
    const rows: unknown[] = text.split("\n").filter((line) => line !== "").flatMap((line) => JSON.parse(line));
    return rows.filter((row): row is Row => typeof row === "object" && row !== null);
  } catch {
    throw new RulesError(`ip ${args.join(" ")} printed no JSON; install iproute2 5.0 or newer`);
  }
}
