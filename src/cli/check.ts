import { clientSpec } from "../config/client.ts";
import { loadFile, readFile, readUsersFile } from "../config/file.ts";
import type { Node } from "../config/node.ts";
import { Problems, quote, UsageError } from "../config/problems.ts";
import { readConfig, type Side } from "../config/read.ts";
import type { Option } from "../config/schema.ts";
import { refuseOtherSide, SIDES, sidesOf } from "../config/side.ts";
import { serverSpec } from "../config/server.ts";
import type { Command, Output } from "./command.ts";
import { readIngressUsers } from "../run/ingress_users.ts";
import { readFlags } from "../config/flags.ts";
import { loadCredentials, loadKeys, loadServerClients } from "../run/keys.ts";
import { withJoinedServers } from "../state/joined_servers.ts";
import { clientRequirements, serverRequirements, unmetRequirements } from "../run/preflight.ts";

const SUBJECT = "micss check";

const OPTIONS: readonly Option[] = [
  { flag: "strict", doc: "Treat warnings as mistakes" },
  { flag: "json", doc: "Print JSON: one object" },
];

/** `micss check`. */
export const command: Command = {
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
    const { side, path } = readOperands(names);
    const report = await checkFile(path, side);
    const valid = report.mistakes.length === 0 && !(flags.has("strict") && report.warnings.length > 0);
    if (flags.has("json")) output.out(`${JSON.stringify(toJson(path, report, valid), null, 2)}\n`);
    else printReport(path, report, valid, output);
    return valid ? 0 : 2;
  },
};

/** Findings about a file. */
interface Report {
  /** The handler that the file configures. Absent if unknown. */
  readonly side?: Side;
  /** Complete lines. */
  readonly mistakes: readonly string[];
  /** Complete lines. */
  readonly warnings: readonly string[];
}

function readOperands(names: readonly string[]): { side: Side | undefined; path: string } {
  const side = names.length < 2 ? undefined : SIDES.find((one) => one === names[0]);
  const [path, ...others] = side === undefined ? names : names.slice(1);
  if (path === undefined) throw new UsageError([`${SUBJECT}: no file given; write micss check FILE`]);
  if (others.length > 0) {
    throw new UsageError([
      `${SUBJECT}: ${quote(others[0]!)}: unexpected argument; write micss check [server|client] FILE`,
    ]);
  }
  return { side, path };
}

async function checkFile(path: string, given: Side | undefined): Promise<Report> {
  let side = given;
  try {
    const file = loadFile(path, `${SUBJECT}:`, readFile);
    if (side === undefined) side = sideOf(file, path);
    else refuseOtherSide(file, side, `micss: ${path}`, (other) => `write micss check ${other} FILE`);
    return {
      side,
      mistakes: [],
      warnings: await (side === "server" ? checkServer : checkClient)(file, `micss: ${path}`),
    };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { ...side !== undefined && { side }, mistakes: error.lines, warnings: [] };
  }
}

/**
 * Checks a server's configuration and the files that it names.
 *
 * @param subject Prefix of messages that belong to no line.
 * @returns Warnings.
 * @throws {UsageError} With a line for each mistake.
 */
async function checkServer(file: Node, subject: string): Promise<string[]> {
  const problems = new Problems(subject);
  const config = readConfig(serverSpec, { subject, flags: new Map(), file }, problems);
  const keys = config.keys.map((path, index) => loadKeys(file.child("keys").child(index).place, [path], "sign"));
  const placeOf = (value: object) => problems.placeOf(value);
  await waitForAll([
    ...keys,
    Promise.all(keys).then((keys) => keys.flat(), () => []).then((own) =>
      loadServerClients(placeOf, config.clients, own)
    ),
  ]);
  return await unmetRequirements(serverRequirements(config), (value) => problems.placeOf(value));
}

/** Checks a client's configuration, likewise. */
async function checkClient(file: Node, subject: string): Promise<string[]> {
  const problems = new Problems(subject);
  const config = readConfig(withJoinedServers(clientSpec), { subject, flags: new Map(), file }, problems);
  await waitForAll([
    ...config.keys.map((key) => loadKeys(problems.placeOf(key), [key.file], "verify")),
    loadCredentials((server) => server === null ? file.child("client-key").place : problems.placeOf(server), config),
    Promise.resolve().then(() => readIngressUsers(config, readUsersFile, (key) => file.child(key).place)),
  ]);
  return await unmetRequirements(clientRequirements(config), (value) => problems.placeOf(value));
}

/** Waits for all checks. @throws {UsageError} With the lines of all that failed. */
async function waitForAll(checks: readonly Promise<unknown>[]): Promise<void> {
  const lines = (await Promise.allSettled(checks)).flatMap((outcome) => {
    if (outcome.status === "fulfilled") return [];
    if (!(outcome.reason instanceof UsageError)) throw outcome.reason;
    return outcome.reason.lines;
  });
  if (lines.length > 0) throw new UsageError(lines);
}

/** Tells a server's file from a client's by the settings that only one of them has, misspelt ones included. */
function sideOf(file: Node, path: string): Side {
  const [side, other] = sidesOf(file);
  if (side !== undefined && other === undefined) return side;
  const problem = side === undefined
    ? "settings of neither a server nor a client"
    : "settings of both a server and a client";
  throw new UsageError([
    `micss: ${path}: ${problem}; write micss check server FILE or micss check client FILE`,
  ]);
}

function printReport(path: string, { side, mistakes, warnings }: Report, valid: boolean, output: Output): void {
  for (const line of [...mistakes, ...warnings]) output.err(`${line}\n`);
  if (!valid) return;
  const suffix = warnings.length === 0 ? "" : `, ${warnings.length} warning${warnings.length === 1 ? "" : "s"}`;
  output.out(`${path}: valid ${side} configuration${suffix}\n`);
}

/** The object of `--json`. */
function toJson(path: string, { side, mistakes, warnings }: Report, valid: boolean): unknown {
  const start = `micss: ${path}:`;
  const parse = (line: string) => {
    const text = line.startsWith(start) ? line.slice(start.length).trimStart() : line;
    const [, number, field, message] = /^(?:(\d+): (?:(\S+): )?)?(.*)$/.exec(text)!;
    return { ...number && { line: Number(number) }, ...field && { field }, message };
  };
  return {
    file: path,
    kind: side ?? null,
    fine: valid,
    mistakes: mistakes.map(parse),
    warnings: warnings.map((line) => parse(line.replace(": warning: ", ": "))),
  };
}
