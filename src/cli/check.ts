import { clientSpec } from "../config/client.ts";
import { loadFile, readFile, readUsersFile } from "../config/file.ts";
import { nearest } from "../config/nearest.ts";
import type { Node } from "../config/node.ts";
import { Problems, quote, UsageError } from "../config/problems.ts";
import { readConfig } from "../config/read.ts";
import { entriesOf, type Option } from "../config/schema.ts";
import { serverSpec } from "../config/server.ts";
import type { Command, Output } from "./command.ts";
import { readIngressUsers } from "../run/ingress_users.ts";
import { readFlags } from "../config/flags.ts";
import { loadKeys } from "../run/keys.ts";
import { clientRequirements, serverRequirements, unmetRequirements } from "../run/preflight.ts";

const SUBJECT = "micss check";
const SIDES = ["server", "client"] as const;

type Side = typeof SIDES[number];

const OPTIONS: readonly Option[] = [
  { flag: "strict", doc: "Treat warnings as mistakes" },
  { flag: "json", doc: "For programs: one object" },
];

/** `micss check`. */
export const command: Command = {
  name: "check",
  summary: "Says whether a configuration file is right, with the line and the field of each mistake",
  usage: "[server|client] FILE [--strict] [--json]",
  operands: { words: SIDES, files: true },
  options: OPTIONS,
  examples: [
    "micss check client.yaml",
    "micss check server /etc/micss/server.yaml --strict",
    "micss check server.yaml --json",
  ],
  async run(args, output) {
    const names = args.filter((arg) => !arg.startsWith("-"));
    const flags = readFlags(SUBJECT, OPTIONS, args.filter((arg) => arg.startsWith("-")));
    const { side, path } = readNames(names);
    const report = await examine(path, side);
    const fine = report.mistakes.length === 0 && !(flags.has("strict") && report.warnings.length > 0);
    if (flags.has("json")) output.out(`${JSON.stringify(forPrograms(path, report, fine), null, 2)}\n`);
    else tell(path, report, fine, output);
    return fine ? 0 : 2;
  },
};

/** What is to be said of a file. */
interface Report {
  /** Whose configuration it is; left out where that can't be told. */
  readonly side?: Side;
  /** Whole lines. */
  readonly mistakes: readonly string[];
  /** Whole lines. */
  readonly warnings: readonly string[];
}

function readNames(names: readonly string[]): { side: Side | undefined; path: string } {
  const side = names.length < 2 ? undefined : SIDES.find((one) => one === names[0]);
  const [path, ...others] = side === undefined ? names : names.slice(1);
  if (path === undefined) throw new UsageError([`${SUBJECT}: no file; write micss check FILE`]);
  if (others.length > 0) {
    throw new UsageError([`${SUBJECT}: ${quote(others[0]!)}: one too many; write micss check [server|client] FILE`]);
  }
  return { side, path };
}

async function examine(path: string, given: Side | undefined): Promise<Report> {
  let side = given;
  try {
    const file = loadFile(path, `${SUBJECT}:`, readFile);
    side ??= sideOf(file, path);
    return {
      side,
      mistakes: [],
      warnings: await (side === "server" ? examineServer : examineClient)(file, `micss: ${path}`),
    };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { ...side !== undefined && { side }, mistakes: error.lines, warnings: [] };
  }
}

/**
 * Looks at a server's configuration, and at the files that it names.
 *
 * @param subject What messages begin with that belong to no line.
 * @returns Warnings.
 * @throws {UsageError} With a line for each mistake.
 */
async function examineServer(file: Node, subject: string): Promise<string[]> {
  const problems = new Problems(subject);
  const config = readConfig(serverSpec, { subject, flags: new Map(), file }, problems);
  const keys = config.keys.map((path, index) => loadKeys(file.child("keys").child(index).place, [path], "sign"));
  await all(keys);
  return await unmetRequirements(serverRequirements(config), (value) => problems.placeOf(value));
}

/** The same for a client. */
async function examineClient(file: Node, subject: string): Promise<string[]> {
  const problems = new Problems(subject);
  const config = readConfig(clientSpec, { subject, flags: new Map(), file }, problems);
  await all([
    ...config.keys.map((key) => loadKeys(problems.placeOf(key), [key.file], "verify")),
    Promise.resolve().then(() => readIngressUsers(config, readUsersFile, (key) => file.child(key).place)),
  ]);
  return await unmetRequirements(clientRequirements(config), (value) => problems.placeOf(value));
}

/** Waits for all. @throws {UsageError} With the lines of all that are wrong. */
async function all(looks: readonly Promise<unknown>[]): Promise<void> {
  const lines = (await Promise.allSettled(looks)).flatMap((look) => {
    if (look.status === "fulfilled") return [];
    if (!(look.reason instanceof UsageError)) throw look.reason;
    return look.reason.lines;
  });
  if (lines.length > 0) throw new UsageError(lines);
}

/** Whose configuration a file is, by the settings that only one side has; a typing error in one counts. */
function sideOf(file: Node, path: string): Side {
  const keys = { server: keysOf("server"), client: keysOf("client") };
  const only = {
    server: keys.server.filter((key) => !keys.client.includes(key)),
    client: keys.client.filter((key) => !keys.server.includes(key)),
  };
  const written = Object.keys(file.value ?? {});
  const exact = SIDES.filter((side) => written.some((key) => only[side].includes(key)));
  const unknown = written.filter((key) => !keys.server.includes(key) && !keys.client.includes(key));
  const meant = SIDES.filter((side) => unknown.some((key) => nearest(key, only[side]) !== undefined));
  const [side, other] = exact.length > 0 ? exact : meant;
  if (side !== undefined && other === undefined) return side;
  const what = side === undefined ? "neither a server's settings nor a client's" : "a server's settings and a client's";
  throw new UsageError([
    `micss: ${path}: ${what}; write micss check server FILE or micss check client FILE`,
  ]);
}

function keysOf(side: Side): string[] {
  const entries = side === "server" ? entriesOf(serverSpec.schema) : entriesOf(clientSpec.schema);
  return entries.map(([, { key }]) => key);
}

function tell(path: string, { side, mistakes, warnings }: Report, fine: boolean, output: Output): void {
  for (const line of [...mistakes, ...warnings]) output.err(`${line}\n`);
  if (!fine) return;
  const but = warnings.length === 0 ? "" : `, with ${warnings.length} warning${warnings.length === 1 ? "" : "s"}`;
  output.out(`${path}: a ${side}'s configuration, fine${but}\n`);
}

/** What `--json` says. */
function forPrograms(path: string, { side, mistakes, warnings }: Report, fine: boolean): unknown {
  const start = `micss: ${path}:`;
  const found = (line: string) => {
    const about = line.startsWith(start) ? line.slice(start.length).trimStart() : line;
    const [, number, field, message] = /^(?:(\d+): (?:(\S+): )?)?(.*)$/.exec(about)!;
    return { ...number && { line: Number(number) }, ...field && { field }, message };
  };
  return {
    file: path,
    kind: side ?? null,
    fine,
    mistakes: mistakes.map(found),
    warnings: warnings.map((line) => found(line.replace(": warning: ", ": "))),
  };
}
