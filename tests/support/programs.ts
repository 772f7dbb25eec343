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

/**
 * Finds a port on which nothing listens, for programs that can't say which free one the system gave them.
 *
 * It lies below the ports that the system gives to outgoing connections, so that only another test could take it in the
 * moment until it is used; those pick at random too.
 *
 * @param hosts The addresses at which the port is free.
 */
export function freePort(...hosts: string[]): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if (hosts.every((hostname) => isFree(hostname, port))) return port;
  }
  throw new Error(`No free port at ${hosts.join(", ")}`);
}

/** Finds the first of `count` ports in a row, as {@linkcode freePort} finds one: those of a server handler's workers. */
export function freePorts(count: number, ...hosts: string[]): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = freePort(...hosts);
    const others = Array.from({ length: count - 1 }, (_, at) => first + at + 1);
    if (others.every((port) => hosts.every((hostname) => isFree(hostname, port)))) return first;
  }
  throw new Error(`No ${count} free ports in a row at ${hosts.join(", ")}`);
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
