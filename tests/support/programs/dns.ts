import { Program, run, type RunOptions } from "./process.ts";

/** Addresses of a DNS server. */
export interface DnsAddresses {
  /** IP addresses. */
  readonly hosts: readonly string[];
  readonly port: number;
}

/**
 * Starts a DNS server in a network namespace.
 *
 * @param texts TXT records by their names.
 * @param at Default: port 53 of 127.0.0.1.
 */
export async function startDns(
  texts: ReadonlyMap<string, string>,
  options: RunOptions,
  { hosts, port }: DnsAddresses = { hosts: ["127.0.0.1"], port: 53 },
): Promise<Program> {
  await using making = new AsyncDisposableStack();
  const records = [...texts].map(([name, text]) => `--txt-record=${name},${text}`);
  const listen = [`--port=${port}`, ...hosts.map((host) => `--listen-address=${host}`)];
  const flags = ["--no-resolv", "--no-hosts", "--no-poll", "--bind-interfaces", ...listen];
  const program = making.use(Program.start(["dnsmasq", "-d", "-C", "/dev/null", ...flags, ...records], options));
  await program.waitForLine(/started/);
  making.move();
  return program;
}

/** Flags of `dig` for questions that are not to be answered. */
export const UNANSWERED: readonly string[] = ["+tries=1", "+time=1"];

/**
 * Asks a DNS server with `dig` for a name's text, and again after 5 s: datagrams are best effort.
 *
 * @param flags Its further arguments.
 * @returns The text, or "" without an answer.
 */
export async function digText(
  name: string,
  host: string,
  where: RunOptions,
  flags: readonly string[] = [],
): Promise<string> {
  const query = ["dig", "+short", "+tries=3", "+time=5", ...flags, `@${host}`, name, "TXT"];
  const { stdout, code } = await run(query, { ...where, mayFail: true });
  // Comments tell of questions that had to be repeated.
  return code === 0 ? new TextDecoder().decode(stdout).replaceAll(/^;.*\n|"/gm, "").trim() : "";
}
