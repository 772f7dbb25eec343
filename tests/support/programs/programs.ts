import { findProgram } from "./process.ts";

/** What a test can need of the machine: a program by its name, or the right to make network namespaces. */
export type Need = "network namespaces" | (string & Record<never, never>);

/**
 * Registers a test that works with real programs. On a machine that lacks something of `needs` it is ignored, and its
 * name says what is missing.
 */
export function testWith(needs: readonly Need[], name: string, fn: () => Promise<void>): void {
  const missing = needs.filter((need) => !has(need));
  const ignore = missing.length > 0;
  Deno.test({ name: ignore ? `${name} (ignored: needs ${missing.join(", ")})` : name, ignore, fn });
}

let namespaces: boolean | undefined;

/** Whether this machine has what a test needs. */
export function has(need: Need): boolean {
  if (need !== "network namespaces") return findProgram(need) !== undefined;
  namespaces ??= ["unshare", "nsenter", "setpriv", "ip"].every((program) => findProgram(program) !== undefined) &&
    new Deno.Command("unshare", { args: ["--net", "true"], stderr: "null" }).outputSync().success;
  return namespaces;
}

/** Free ports are looked for from the first, in so many: below those that the system gives to outgoing connections. */
const FIRST_PORT = 10_000, PORTS = 20_000;

/**
 * Finds a port on which nothing listens, for programs that can't say which free one the system gave them. No other test of
 * the run is given it, so that none takes it in the moment until it is used.
 *
 * @param hosts The addresses at which the port is free.
 */
export function freePort(...hosts: string[]): number {
  return freePorts(1, ...hosts);
}

/** Finds the first of `count` ports in a row, as {@linkcode freePort} finds one: those of a server handler's workers. */
export function freePorts(count: number, ...hosts: string[]): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = FIRST_PORT + nextPorts(count) % PORTS;
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if (ports.every((port) => hosts.every((hostname) => isFree(hostname, port)))) return first;
  }
  throw new Error(`No ${count} free ports in a row at ${hosts.join(", ")}`);
}

/**
 * The first of `count` numbers in a row that are taken once in a run of the suite: all its tests write as many bytes to
 * the end of one file. Outside of the task `test`, which has a directory for that, a random number.
 */
function nextPorts(count: number): number {
  const directory = Deno.env.get("MICSS_TEST_DIRECTORY");
  if (directory === undefined) return Math.floor(Math.random() * PORTS);
  using file = Deno.openSync(`${directory}/ports`, { append: true, create: true });
  file.writeSync(new Uint8Array(count));
  // Another run at the same time begins elsewhere.
  return Deno.pid * 997 + file.seekSync(0, Deno.SeekMode.Current) - count;
}

function isFree(hostname: string, port: number): boolean {
  try {
    Deno.listen({ hostname, port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
