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
import { configOptions, parseConfig } from "../config/load.ts";
import { readFlags } from "../config/flags.ts";

/** What to do with the rules. */
export type Action = "print" | "apply" | "watch" | "remove";

/** All of them. */
export const ACTIONS: readonly Action[] = ["print", "apply", "watch", "remove"];

/** Rules to make, and what is to be known about them. */
export interface Plan {
  /** What to put in place. */
  readonly ruleset: Ruleset;
  /** How. */
  readonly flavour: Flavour | "auto";
  /** A line each. */
  readonly notes: readonly string[];
  /** The servers' addresses. */
  readonly hosts: readonly string[];
  /** How `watch` logs. */
  readonly log: LogConfig;
}

/** What comes first, without dashes; the rest are flags. @throws {UsageError} When the first is no action. */
export function splitRules([action, ...rest]: string[]): { action: Action; side: Side | undefined; rest: string[] } {
  const known = ACTIONS.find((one) => one === action);
  if (known === undefined) {
    const meant = action === undefined ? undefined : nearest(action, ACTIONS);
    const hint = meant === undefined ? `write micss rules ${ACTIONS.join("|")}` : `did you mean ${meant}?`;
    const what = action === undefined ? "nothing to do" : `${quote(action)} is nothing to do`;
    throw new UsageError([`micss rules: ${what}; ${hint}`]);
  }
  const side = SIDES.find((side) => side === rest[0]);
  return { action: known, side, rest: side === undefined ? rest : rest.slice(1) };
}

/**
 * Reads what `micss rules print`, `apply` and `watch` are told, and makes the rules.
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
  const config = parseClientRules(subject, args, readFile);
  const names = await systemNames(hostsOf(config));
  const plan = clientRulesPlan(config, names);
  const hosts = hostsOf(config).flatMap((host) => names.addresses(host));
  return { ...plan, flavour: config.rules!.flavour, hosts, log: config.log };
}

/**
 * Reads a client's configuration with the settings for its rules.
 *
 * @param subject What messages begin with: "micss rules apply".
 * @param args The flags.
 * @throws {UsageError} With a line for each mistake.
 */
export function parseClientRules(subject: string, args: string[], read: ReadFile): ClientConfig {
  return parseConfig(subject, clientRulesSpec, args, read);
}

/** Reads a server's, likewise. @throws {UsageError} With a line for each mistake. */
export function parseServerRules(subject: string, args: string[], read: ReadFile): ServerConfig {
  return parseConfig(`${subject} server`, serverRulesSpec, args, read);
}

/** Reads the one flag of `micss rules remove`. @throws {UsageError} When it is wrong. */
export function parseRemoval(args: string[]): Flavour | "auto" {
  const subject = "micss rules remove";
  const spec: Spec<Pick<ClientRules, "flavour">> = { schema: { flavour: clientRulesSchema.flavour }, check() {} };
  return readConfig(spec, { subject, flags: readFlags(subject, optionsOf(spec.schema), args) }).flavour;
}

/** The flags of `micss rules`, beside those of the handlers. */
export function rulesOptions(): Option[] {
  return [
    ...configOptions(clientRulesSpec).slice(0, 1),
    ...optionsOf(clientRulesSchema, ["rules"]),
    ...optionsOf(serverRulesSchema, ["rules"]).filter(({ flag }) => flag !== "flavour"),
  ];
}
