/** Plans for tests, from flags and YAML. */
import { parseClientRules, parseServerRules } from "../../src/cli/rules_args.ts";
import {
  type ClientRulesPlan,
  clientRulesPlan,
  type ResolvedNames,
  type Ruleset,
  serverRuleset,
} from "../../src/rules/mod.ts";

/** A machine's accounts and names; user and group micss exist only if `packaged`. */
export function names({ packaged = false } = {}): ResolvedNames {
  const users = new Map([["bob", 1001], ["root", 0], ...packaged ? [["micss", 990] as const] : []]);
  const number = (text: string) => /^\d+$/.test(text) ? Number(text) : users.get(text);
  const hosts = new Map([["a.example", ["192.0.2.7", "2001:db8::7"]]]);
  return {
    user: number,
    group: number,
    addresses: (host) => /^[\d.]+$|:/.test(host) ? [host] : hosts.get(host) ?? [],
  };
}

/** The flags of a server with three channels, one of them IPv6. */
export const WEB = "--server web=192.0.2.1,192.0.2.2:6000,[2001:db8::1]";

/** Makes the plan of a client's flags and file. */
export function client(flags: string, yaml?: string, machine: ResolvedNames = names()): ClientRulesPlan {
  return clientRulesPlan(parseClientRules("micss rules apply", args(flags, yaml), () => yaml ?? ""), machine);
}

/** Makes the rules of a server's flags. */
export function server(flags: string, yaml?: string): Ruleset {
  return serverRuleset(parseServerRules("micss rules apply", args(flags, yaml), () => yaml ?? ""), names());
}

function args(flags: string, yaml?: string): string[] {
  return [...flags.split(" ").filter((word) => word !== ""), ...yaml === undefined ? [] : ["--config", "c.yaml"]];
}
