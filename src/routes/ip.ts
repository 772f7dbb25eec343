import { DIRECTORIES, findProgram, type ProgramOutcome, runProgram } from "../net/linux/programs.ts";
import type { Family, Side } from "../rules/ruleset.ts";
import { RoutesError } from "./error.ts";
import { PROTOCOL } from "./marks.ts";
import type { Network } from "./network.ts";
import { readAddresses, readMainRoutes, readRules, readTableRoutes } from "./parse.ts";

/** Runs `ip` (iproute2); tests record the commands instead. */
export interface Ip {
  /**
   * Runs it to its end, without a shell.
   *
   * @param input Standard input.
   * @throws {RoutesError} If it is not installed.
   */
  run(args: readonly string[], input?: string): Promise<ProgramOutcome>;
}

/** The installed program. */
export const systemIp: Ip = {
  async run(args, input) {
    const path = findProgram("ip");
    if (path === undefined) {
      throw new RoutesError(`no ip in ${DIRECTORIES.join(", ")}; routes need Linux and its iproute2, install it`);
    }
    return await runProgram(path, args, input);
  },
};

const FLAGS: Readonly<Record<Family, string>> = { ipv4: "-4", ipv6: "-6" };

/**
 * Reads a machine's addresses, routes and rules. Needs no capability.
 *
 * @throws {RoutesError} If `ip` fails.
 */
export async function readNetwork(ip: Ip, family: Family, side: Side): Promise<Network> {
  const [addresses, main, rules, routes] = await askIp(ip, family, [
    "address",
    "route show table main",
    "rule",
    `route show table all proto ${PROTOCOL}`,
  ]);
  return {
    family,
    addresses: readAddresses(addresses),
    main: readMainRoutes(main),
    rules: readRules(rules, side),
    routes: readTableRoutes(routes, side),
  };
}

/**
 * Runs commands in order, up to the first that fails.
 *
 * @throws {RoutesError} If one does.
 */
export async function runCommands(ip: Ip, family: Family, commands: readonly string[]): Promise<void> {
  if (commands.length === 0) return;
  const { success, stderr } = await ip.run(
    [FLAGS[family], "-batch", "-"],
    commands.map((line) => `${line}\n`).join(""),
  );
  if (!success) throw batchError(family, commands, stderr);
}

/** The error of the command at which a batch ended. */
function batchError(family: Family, commands: readonly string[], stderr: string): RoutesError {
  const number = Number(/^Command failed -:(\d+)/m.exec(stderr)?.[1]);
  return errorOf(`${FLAGS[family]} ${commands[number - 1] ?? "-batch -"}`, stderr);
}

/** The commands as lines of a shell script. */
export function shellLines(family: Family, commands: readonly string[]): string[] {
  return commands.map((command) => `ip ${FLAGS[family]} ${command}`);
}

/** An answer of `ip route get`: the route, or the reason why there is none. */
export type RouteAnswer = { readonly device: string; readonly table: number } | { readonly failure: string };

/** Asks the kernel for the route of packets. @param words Those of `ip route get`. */
export async function getRoute(ip: Ip, family: Family, words: readonly string[]): Promise<RouteAnswer> {
  const args = [FLAGS[family], "-N", "-json", "route", "get", ...words];
  const { success, stdout, stderr } = await ip.run(args);
  if (!success) return { failure: reasonIn(stderr) };
  const [answer] = parseJson(args, stdout) as { dev?: string; table?: string }[];
  return { device: answer?.dev ?? "", table: Number(answer?.table ?? MAIN) };
}

/** Number of the table `main`, which `ip` leaves out. */
const MAIN = 254;

/** Asks several things of one program, which answers each with a line. */
async function askIp(ip: Ip, family: Family, commands: readonly string[]): Promise<unknown[]> {
  const args = [FLAGS[family], "-N", "-json", "-batch", "-"];
  const { success, stdout, stderr } = await ip.run(args, commands.map((line) => `${line}\n`).join(""));
  if (!success) throw batchError(family, commands, stderr);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return commands.map((_, at) => parseJson(args, lines[at] ?? "no answer"));
}

function parseJson(args: readonly string[], text: string): unknown {
  try {
    return JSON.parse(text === "" ? "[]" : text);
  } catch {
    throw new RoutesError(`ip ${args.join(" ")} printed no JSON; install iproute2 5.0 or newer`);
  }
}

function errorOf(command: string, stderr: string): RoutesError {
  if (/not permitted|permission denied/i.test(stderr)) {
    return new RoutesError(
      "not permitted to change this machine's routes; run it as root, for example with sudo (CAP_NET_ADMIN)",
    );
  }
  return new RoutesError(`ip ${command} failed: ${reasonIn(stderr)}`);
}

function reasonIn(stderr: string): string {
  const [line = ""] = stderr.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return line.replace(/^(RTNETLINK answers|Error): /, "").replace(/\.$/, "") || "no reason given";
}
