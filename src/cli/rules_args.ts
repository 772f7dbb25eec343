import { clientRulesSpec } from "../config/client.ts";
import { type ReadFile, readFile } from "../config/file.ts";
import { nearest } from "../config/nearest.ts";
import { quote, UsageError } from "../config/problems.ts";
import { readConfig, type Spec } from "../config/read.ts";
import { type ClientRules, clientRulesSchema, type Flavour, serverRulesSchema } from "../config/rules.ts";
import { type Option, optionsOf } from "../config/schema.ts";
import { serverRulesSpec } from "../config/server.ts";
import type { ClientConfig, LogConfig, ServerConfig } from "../config/types.ts";
import { clientRulesPlan, hostsOf, type Ruleset, serverRuleset, type Side, SIDES, systemNames } from "../rules/mod.ts";
import { withJoinedServers } from "../state/joined_servers.ts";
import { configOptions, parseConfig } from "../config/load.ts";
import { readFlags } from "../config/flags.ts";

/** Actions on rules. */
export type Action = "print" | "apply" | "watch" | "remove";

/** All actions, in the order of the help. */
export const ACTIONS: readonly Action[] = ["print", "apply", "watch", "remove"];

/** Rules to put in place, with their settings. */
export interface Plan {
  readonly ruleset: Ruleset;
  /** Firewall tool. */
  readonly flavour: Flavour | "auto";
  /** Remarks for the user, one line each. */
  readonly notes: readonly string[];
  /** Addresses of the servers. */
  readonly hosts: readonly string[];
  /** Log settings of `watch`. */
  readonly log: LogConfig;
}

/** Splits arguments into action, side and flags. @throws {UsageError} On an unknown or missing action. */
export function splitRules([action, ...rest]: string[]): { action: Action; side: Side | undefined; rest: string[] } {
  const known = ACTIONS.find((one) => one === action);
  if (known === undefined) {
    const suggestion = action === undefined ? undefined : nearest(action, ACTIONS);
    const hint = suggestion === undefined ? `write micss rules ${ACTIONS.join("|")}` : `did you mean ${suggestion}?`;
    const problem = action === undefined ? "no action given" : `${quote(action)}: unknown action`;
    throw new UsageError([`micss rules: ${problem}; ${hint}`]);
  }
  const side = SIDES.find((side) => side === rest[0]);
  return { action: known, side, rest: side === undefined ? rest : rest.slice(1) };
}

/**
 * Reads the settings of `micss rules print`, `apply` and `watch`, and plans the rules.
 *
 * @throws {UsageError} With a line for each mistake.
 */
export async function readPlan(action: Action, side: Side, args: string[]): Promise<Plan> {
  const subject = `micss rules ${action}`;
  if (side === "server") {
    const config = parseServerRules(subject, args, readFile);
    const hosts = config.channels.map(({ host }) => host);
    return {
      ruleset: serverRuleset(config, await systemNames(hosts)),
      flavour: config.rules!.flavour,
      notes: [],
      hosts,
      log: config.log,
    };
  }
  const config = parseClientRules(subject, args, readFile, withJoinedServers(clientRulesSpec));
  const names = await systemNames(hostsOf(config));
  const plan = clientRulesPlan(config, names);
  const hosts = hostsOf(config).flatMap((host) => names.addresses(host));
  return { ...plan, flavour: config.rules!.flavour, hosts, log: config.log };
}

/**
 * Reads a client's configuration with the settings for its rules.
 *
 * @param subject Prefix of messages: "micss rules apply".
 * @throws {UsageError} With a line for each mistake.
 */
export function parseClientRules(
  subject: string,
  args: string[],
  read: ReadFile,
  spec = clientRulesSpec,
): ClientConfig {
  return parseConfig(subject, spec, args, read);
}

/** Reads a server's configuration, likewise. @throws {UsageError} With a line for each mistake. */
export function parseServerRules(subject: string, args: string[], read: ReadFile): ServerConfig {
  return parseConfig(`${subject} server`, serverRulesSpec, args, read);
}

/** Reads the one flag of `micss rules remove`. @throws {UsageError} When it is wrong. */
export function parseRemoval(args: string[]): Flavour | "auto" {
  const subject = "micss rules remove";
  const spec: Spec<Pick<ClientRules, "flavour">> = { schema: { flavour: clientRulesSchema.flavour }, check() {} };
  return readConfig(spec, { subject, flags: readFlags(subject, optionsOf(spec.schema), args) }).flavour;
}

/** Flags of `micss rules` other than those of the handlers. */
export function rulesOptions(): Option[] {
  return [
    ...configOptions(clientRulesSpec).slice(0, 1),
    ...optionsOf(clientRulesSchema, ["rules"]),
    ...optionsOf(serverRulesSchema, ["rules"]).filter(({ flag }) => flag !== "flavour"),
  ];
}
