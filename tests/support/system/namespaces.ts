import { findProgram, Program, run } from "../programs/process.ts";

/** A network namespace, visible only to programs that a test runs `within` it. It ends with the test in any case. */
export class Namespace implements AsyncDisposable {
  /** Command prefix that runs a command in this namespace; the process keeps its id. */
  readonly within: readonly string[];
  readonly #holder: Program;

  private constructor(holder: Program) {
    this.#holder = holder;
    this.within = ["nsenter", `--net=/proc/${holder.pid}/ns/net`, "--"];
  }

  /**
   * Creates a namespace with its loopback up. It has no name: it lives as long as the process that holds it, which exits
   * at the end of its standard input, so that a killed test leaves nothing behind.
   */
  static async make(): Promise<Namespace> {
    await using making = new AsyncDisposableStack();
    const script = '"$0" link set lo up && echo ready && exec cat';
    const holder = making.use(Program.start(["unshare", "--net", "--", "sh", "-c", script, findProgram("ip") ?? "ip"]));
    await holder.waitForLine(/ready/);
    making.move();
    return new Namespace(holder);
  }

  /** The process that holds it, which identifies it to `ip`. */
  get pid(): number {
    return this.#holder.pid;
  }

  /** Runs `ip` within it, once for each of `commands`. */
  async ip(...commands: string[]): Promise<void> {
    await run(["ip", "-batch", "-"], { within: this.within, input: commands.join("\n") + "\n" });
  }

  /** Removes it and its configuration. The programs within must have exited. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stop("SIGKILL");
  }
}

/** Two hosts joined by channels. */
export interface Topology extends AsyncDisposable {
  /** The application's and the client handler's host. */
  near: Namespace;
  /** The server handler's and the target's host. */
  far: Namespace;
  /** The devices' names, the same on both hosts, one per channel. */
  devices: string[];
  /** The far host's IPv4 addresses, one per channel. */
  ipv4: string[];
  /** The far host's IPv6 addresses, one per channel. */
  ipv6: string[];
}

/**
 * Creates a small version of a MICSS user's network: two hosts and separate paths between them.
 *
 * ```text
 *  near                                                       far
 *  +--------------------------+                +--------------------------+
 *  |      application         |                |            target        |
 *  |           |              |                |              ^           |
 *  |    iptables REDIRECT     |    channel 1   |              |           |
 *  |           v    10.77.1.1 c1==============c1 10.77.1.2    |           |
 *  |         client fd77:1::1 |                | fd77:1::2  server        |
 *  |         handler          |    channel 2   |            handler       |
 *  |                10.77.2.1 c2==============c2 10.77.2.2                |
 *  |                fd77:2::1 |                | fd77:2::2                |
 *  |                          |    channel 3   |                          |
 *  |                10.77.3.1 c3==============c3 10.77.3.2                |
 *  |                fd77:3::1 |                | fd77:3::2                |
 *  +--------------------------+                +--------------------------+
 * ```
 *
 * There are no other routes.
 *
 * @param channels Number of paths.
 */
export async function makeTopology(channels = 3): Promise<Topology> {
  await using making = new AsyncDisposableStack();
  const near = making.use(await Namespace.make());
  const far = making.use(await Namespace.make());
  const numbers = Array.from({ length: channels }, (_, index) => index + 1);
  // The ends' indexes differ: if they were equal, Linux would report the link to IPv6 only a second later.
  const link = (i: number) =>
    `link add c${i} index ${10 + i} netns ${near.pid} type veth peer name c${i} index ${30 + i} netns ${far.pid}`;
  await run(["ip", "-batch", "-"], { input: numbers.map(link).join("\n") + "\n" });
  // Without `nodad`, an IPv6 address is unusable in its first second.
  const configure = (end: number) =>
    numbers.flatMap((i) => [
      `address add 10.77.${i}.${end}/24 dev c${i}`,
      `address add fd77:${i}::${end}/64 dev c${i} nodad`,
      `link set c${i} up`,
    ]);
  await near.ip(...configure(1));
  await far.ip(...configure(2));
  const made = making.move();
  return {
    near,
    far,
    devices: numbers.map((i) => `c${i}`),
    ipv4: numbers.map((i) => `10.77.${i}.2`),
    ipv6: numbers.map((i) => `fd77:${i}::2`),
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** Limits what each path carries, in both directions. @param rates In Mbit/s, in the paths' order. */
export async function limitRates({ near, far }: Topology, rates: readonly number[]): Promise<void> {
  for (const { within } of [near, far]) {
    for (const [at, rate] of rates.entries()) {
      const limit = `dev c${at + 1} root tbf rate ${rate}mbit burst 16kb limit 100kb`;
      await run(["tc", "qdisc", "add", ...limit.split(" ")], { within });
    }
  }
}
