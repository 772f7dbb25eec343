import { findProgram } from "./process.ts";

/** A requirement of a test: a program's name, a file's absolute path, or permission to make network namespaces. */
export type Need = "network namespaces" | (string & Record<never, never>);

/**
 * Registers a test that uses real programs. Ignored on a machine that lacks one of `needs`, with a name that tells which
 * ones are missing.
 */
export function testWith(needs: readonly Need[], name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  const missing = needs.filter((need) => !has(need));
  const ignore = missing.length > 0;
  Deno.test({
    name: ignore ? `${name} (ignored: needs ${missing.join(", ")})` : name,
    ignore,
    fn: (t) => fn(t).catch((error) => Promise.reject(unsuppressed(error))),
  });
}

/** All errors of a test whose resources fail at their disposal, too; the test's own is last. A SuppressedError shows none. */
function unsuppressed(error: unknown): unknown {
  const errors: unknown[] = [];
  for (; error instanceof SuppressedError; error = error.suppressed) errors.push(error.error);
  return errors.length === 0
    ? error
    : new AggregateError([...errors, error], "a test and the disposal of its resources");
}

/**
 * Registers a test of several cases that mostly wait, and thus run at the same time.
 *
 * @param cases By their names; the error of a failed test has those of the failed cases.
 */
export function testTogether(needs: readonly Need[], name: string, cases: Record<string, () => Promise<void>>): void {
  testWith(needs, name, async () => {
    const outcomes = await Promise.allSettled(Object.values(cases).map((run) => run()));
    const failures = Object.keys(cases).flatMap((of, index) => {
      const outcome = outcomes[index]!;
      return outcome.status === "rejected" ? [new Error(of, { cause: outcome.reason })] : [];
    });
    if (failures.length > 0) throw new AggregateError(failures, failures.map(({ message }) => message).join("; "));
  });
}

/**
 * Shares what tests of a file have in common because they leave it as it is: made when the first of them asks, disposed after the last.
 * Starting handlers for each takes more of a processor than most tests.
 */
export function shared<T extends AsyncDisposable>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  Deno.test.afterAll(async () => await (await opened?.catch(() => undefined))?.[Symbol.asyncDispose]());
  return () => opened ??= open();
}

let namespaces: boolean | undefined;

/** Checks whether this machine meets a test's requirement. */
export function has(need: Need): boolean {
  if (need.startsWith("/")) return exists(need);
  if (need !== "network namespaces") return findProgram(need) !== undefined;
  namespaces ??= ["unshare", "nsenter", "setpriv", "ip"].every((program) => findProgram(program) !== undefined) &&
    new Deno.Command("unshare", { args: ["--net", "true"], stderr: "null" }).outputSync().success;
  return namespaces;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The range of ports to search: below those that the system assigns to outgoing connections. */
const FIRST_PORT = 10_000, PORTS = 20_000;

/**
 * Finds an unused port, for programs that can't report a port assigned by the system. No other test of the run receives it,
 * so that none takes it before its use.
 *
 * @param hosts Addresses at which the port must be free.
 */
export function freePort(...hosts: string[]): number {
  return freePorts(1, ...hosts);
}

/** Finds the first of `count` consecutive ports, as {@linkcode freePort} finds one: those of a server handler's workers. */
export function freePorts(count: number, ...hosts: string[]): number {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = FIRST_PORT + nextPorts(count) % PORTS;
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if (ports.every((port) => hosts.every((hostname) => isFree(hostname, port)))) return first;
  }
  throw new Error(`No ${count} free ports in a row at ${hosts.join(", ")}`);
}

/**
 * The first of `count` consecutive numbers, handed out once per run of the suite: each test appends as many bytes to a
 * shared file. Outside of the task `test`, whose directory holds that file, a random number.
 */
function nextPorts(count: number): number {
  const directory = Deno.env.get("MICSS_TEST_DIRECTORY");
  if (directory === undefined) return Math.floor(Math.random() * PORTS);
  using file = Deno.openSync(`${directory}/ports`, { append: true, create: true });
  file.writeSync(new Uint8Array(count));
  // A concurrent run starts elsewhere.
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
