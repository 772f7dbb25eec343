import { readFile } from "../config/file.ts";
import { loadFileOf } from "../config/side.ts";
import { readFlags } from "../config/flags.ts";
import { nearest } from "../config/nearest.ts";
import { quote, UsageError } from "../config/problems.ts";
import { readConfig } from "../config/read.ts";
import { type Option, optionsOf } from "../config/schema.ts";
import { serverSpec } from "../config/server.ts";
import { importKey } from "../identify/key.ts";
import { systemStateDirectory } from "../state/place.ts";
import type { ClientRecord, InvitationRecord } from "../state/records.ts";
import { ServerState } from "../state/server_state.ts";
import { columns } from "../text/format.ts";
import { isName } from "../wire/invitation.ts";
import type { Command, Output } from "./command.ts";
import { takePositional } from "./positional.ts";
import { reportStateError, withDefaultState } from "./state.ts";

const SUBJECT = "micss clients";
const ACTIONS = ["list", "revoke"] as const;

const OPTIONS: readonly Option[] = [
  { flag: "json", doc: "list: print JSON" },
  { flag: "config", placeholder: "FILE", doc: "The server's configuration, for its state directory" },
  withDefaultState(optionsOf({ state: serverSpec.schema.state })[0]!),
];

/** `micss clients`. */
export const command: Command = {
  usage: "list [--json] | revoke NAME [--config FILE] [--state DIR]",
  operands: { words: ACTIONS },
  options: OPTIONS,
  examples: [
    "micss clients list",
    "micss clients revoke alice     # removes its key or its invitation; its sessions end within a second",
  ],
  async run([action, ...args], output) {
    const known = ACTIONS.find((one) => one === action);
    if (known === undefined) throw new UsageError([`${SUBJECT}: ${unknownAction(action)}`]);
    const subject = `${SUBJECT} ${known}`;
    const { value, rest } = takePositional(subject, OPTIONS, args);
    const flags = readFlags(subject, OPTIONS, rest);
    const path = flags.get("config")?.value as string | undefined;
    const file = path === undefined ? undefined : loadFileOf("server", path, `${subject}: --config`, readFile);
    const settings = new Map([...flags].filter(([flag]) => flag === "state"));
    const source = { subject, flags: settings, ...file !== undefined && { file } };
    const config = readConfig({ schema: serverSpec.schema, check() {} }, source);
    const state = new ServerState(config.state ?? systemStateDirectory());
    try {
      if (known === "revoke") return await revoke(state, { name: value, json: flags.has("json") }, output);
      if (value !== undefined) {
        throw new UsageError([`${subject}: ${quote(value)}: not accepted here; see ${SUBJECT} --help`]);
      }
      return await show(state, flags.has("json"), output);
    } catch (error) {
      return reportStateError(subject, error, output);
    }
  },
};

function unknownAction(action: string | undefined): string {
  if (action === undefined) return `no action given; write ${SUBJECT} ${ACTIONS.join("|")}`;
  const suggestion = nearest(action, ACTIONS);
  const hint = suggestion === undefined ? `write ${SUBJECT} ${ACTIONS.join("|")}` : `did you mean ${suggestion}?`;
  return `${quote(action)}: unknown action; ${hint}`;
}

async function revoke(
  state: ServerState,
  { name, json }: { readonly name: string | undefined; readonly json: boolean },
  output: Output,
): Promise<number> {
  if (json) throw new UsageError([`${SUBJECT} revoke: --json: not accepted here; see ${SUBJECT} --help`]);
  if (name === undefined) {
    throw new UsageError([`${SUBJECT} revoke: no name given; write one as micss clients list shows it`]);
  }
  if (!isName(name)) {
    throw new UsageError([
      `${SUBJECT} revoke: ${quote(name)}: not a client's name; write one as micss clients list shows it`,
    ]);
  }
  const { client, invitations } = state.exists ? await state.revoke(name) : { client: false, invitations: 0 };
  if (client) output.err(`${name} removed; its sessions end within a second\n`);
  if (invitations > 0) output.err(`the invitation for ${name} was withdrawn\n`);
  if (client || invitations > 0) return 0;
  output.err(`${SUBJECT} revoke: no client or open invitation named ${name} in ${state.path}\n`);
  return 1;
}

async function show(state: ServerState, json: boolean, output: Output): Promise<number> {
  const { clients, damaged } = state.clients(), invitations = state.invitations();
  const keys = await Promise.all(clients.map(async ({ key }) => (await importKey(key)).id.toHex()));
  if (json) output.out(`${JSON.stringify(toJson(clients, keys, invitations), null, 2)}\n`);
  else if (clients.length + invitations.length > 0) output.out(table(clients, keys, invitations, Date.now()));
  else output.err(`no clients or invitations in ${state.path}\n`);
  for (const { path, reason } of damaged) output.err(`${SUBJECT} list: ${path}: ${reason}\n`);
  return damaged.length === 0 ? 0 : 1;
}

function toJson(clients: readonly ClientRecord[], keys: readonly string[], invitations: readonly InvitationRecord[]) {
  return {
    version: 1,
    clients: clients.map(({ name, ports, enrolled }, at) => ({ name, key: keys[at], ports, enrolled: iso(enrolled) })),
    invitations: invitations.map(({ name, ports, expires }) => ({ name, ports, expires: iso(expires) })),
  };
}

function table(
  clients: readonly ClientRecord[],
  keys: readonly string[],
  invitations: readonly InvitationRecord[],
  now: number,
): string {
  const listed = (ports: readonly number[] | null) => ports === null ? "all" : ports.join(",");
  const rows = [
    ["NAME", "KEY", "PORTS", "STATE"],
    ...clients.map(({ name, ports, enrolled }, at) => [name, keys[at]!, listed(ports), `joined ${iso(enrolled)}`]),
    ...invitations.map(({ name, ports, expires }) => [
      name,
      "-",
      listed(ports),
      `${expires > now ? "invited until" : "invitation expired"} ${iso(expires)}`,
    ]),
  ];
  return `${columns(rows, rows[0]!.map(() => "left"), "  ").join("\n")}\n`;
}

function iso(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+/, "");
}
