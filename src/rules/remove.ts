import type { Flavour } from "../config/rules.ts";
import { availableBackends } from "./choose.ts";
import { readRoute } from "./installed.ts";
import type { Side } from "./ruleset.ts";
import { NoPermission, RulesError, type Tools } from "./tools.ts";

/**
 * Removes all rules of sides, and with the last ones of a side the route of the packets that they mark.
 *
 * @param removed Learns of each backend's rules that are gone.
 * @throws {RulesError} If they can't be read or removed, or no tool is installed.
 */
export async function removeRules(
  sides: readonly Side[],
  flavour: Flavour | "auto",
  tools: Tools,
  removed: (side: Side, flavour: Flavour) => void,
): Promise<void> {
  const backends = availableBackends(tools);
  const named = backends.filter((backend) => flavour === "auto" || backend.flavour === flavour);
  if (named.length === 0) {
    throw new RulesError(
      flavour === "auto" ? "neither nft nor iptables found; install one" : `${flavour} not found; install it`,
    );
  }
  const failures: unknown[] = [];
  /** Sides of which another flavour has rules, which still need their route. */
  const left = new Set<Side>();
  for (const backend of backends) {
    const isNamed = named.includes(backend);
    const installed = await backend.readAll().catch((error) => void (isNamed && failures.push(error)));
    if (installed === undefined) continue;
    for (const side of sides.filter((side) => installed[side].present)) {
      if (!isNamed) left.add(side);
      else {
        await backend.remove(side, installed[side]);
        removed(side, backend.flavour);
      }
    }
  }
  for (const side of sides.filter((side) => !left.has(side))) {
    for (const command of (await readRoute(side, tools)).removeCommands()) await tools.run(command);
  }
  // A tool that this kernel does not support holds no rules of ours; one that denies access may.
  const denied = failures.find((error) => error instanceof NoPermission);
  if (denied !== undefined || failures.length === named.length) throw denied ?? failures[0];
}
