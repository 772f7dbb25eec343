import { makeTopology, Namespace, type Topology } from "../tests/support/system/namespaces.ts";
import { makeTempDir, Program, run } from "../tests/support/programs/process.ts";
import { has } from "../tests/support/programs/programs.ts";

/** Properties of a channel, in each direction. */
export interface Shape {
  /** Rate in Mbit/s. Default: as fast as the machine allows. */
  readonly rate?: number;
  /** Fraction of packets lost, 0 to 1. Loss works packet by packet, which keeps the channel below 1 Gbit/s. */
  readonly loss?: number;
}

/** Two hosts and the channels between them: network namespaces, or loopback if those can't be made. */
export interface Testbed extends AsyncDisposable {
  /** The server host's address on each channel. */
  readonly hosts: readonly string[];
  /** True where channels can be shaped, which loopback can't. */
  readonly shapable: boolean;
  /** Its namespaces; undefined on loopback. */
  readonly topology?: Topology;
  /** Command prefix that runs a program on the applications' host. */
  readonly near: readonly string[];
  /** Command prefix that runs a program on the servers' host. */
  readonly far: readonly string[];
  /** Applies a shape to channel `at`, counted from 0. */
  shape(at: number, shape: Shape): Promise<void>;
  /** Waits until the channels are silent, so that bytes in flight don't disturb the next measurement. */
  settle(): Promise<void>;
}

/**
 * Makes the hosts and three channels.
 *
 * @param delay Delay of the first channel in each direction, in milliseconds. Default: 0.
 */
export async function makeTestbed(delay = 0): Promise<Testbed> {
  if (Deno.uid() !== 0 || !has("network namespaces") || !has("tc") || !has("iptables")) return loopback();
  await using making = new AsyncDisposableStack();
  const topology = making.use(await makeTopology());
  const sides = [topology.near, topology.far];
  const losses = new Map<string, number>();
  for (const { within } of sides) await prepare(within);
  if (delay > 0) await delayFirst(topology, delay, making);
  const made = making.move();
  return {
    hosts: topology.ipv4,
    shapable: true,
    topology,
    near: topology.near.within,
    far: topology.far.within,
    async shape(at, { rate, loss }) {
      const device = topology.devices[at]!;
      losses.set(device, loss ?? 0);
      // A token bucket that holds a single packet splits what the kernel hands over as one large packet.
      const single = loss !== undefined;
      const to = single ? rate ?? 1_000 : rate;
      const burst = single ? 1_600 : undefined;
      await Promise.all(sides.map(async ({ within }) => {
        await limit(within, device, to, burst);
        await lose(within, losses);
      }));
    },
    settle: () => settle(topology.near.pid),
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** This host's loopback, with an address for each channel. */
export function loopback(count = 3): Testbed {
  return {
    hosts: Array.from({ length: count }, (_, at) => `127.0.0.${at + 1}`),
    shapable: false,
    near: [],
    far: [],
    shape: () => Promise.resolve(),
    settle: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * Lets a host make tens of thousands of connections in sequence, and selects loss-based congestion control, as is usual:
 * CUBIC, or Reno if the namespace may not use that.
 */
async function prepare(within: readonly string[]): Promise<void> {
  const settings = ["ip_local_port_range=10240 65000", "tcp_tw_reuse=1", "tcp_no_metrics_save=1"];
  await run(["sysctl", "-qw", ...settings.map((setting) => `net.ipv4.${setting}`)], { within });
  const control = (name: string, mayFail: boolean) =>
    run(["sysctl", "-qw", `net.ipv4.tcp_congestion_control=${name}`], { within, mayFail });
  if ((await control("cubic", true)).code !== 0) await control("reno", true);
}

/** Inserts a host that delays packets into the first channel. */
async function delayFirst({ near, far }: Topology, delay: number, parts: AsyncDisposableStack): Promise<void> {
  const middle = parts.use(await Namespace.make());
  await near.ip("link del c1");
  const link = (side: number, name: string): string =>
    `link add c1 netns ${side} type veth peer name ${name} netns ${middle.pid}`;
  await run(["ip", "-batch", "-"], { input: `${link(near.pid, "left")}\n${link(far.pid, "right")}\n` });
  await near.ip("address add 10.77.1.1/24 dev c1", "link set c1 up");
  await far.ip("address add 10.77.1.2/24 dev c1", "link set c1 up");
  await middle.ip("link set left up", "link set right up");
  const command = [await build("delay.c", parts), String(delay), "left", "right"];
  const program = parts.use(Program.start(command, { within: middle.within }));
  await program.waitForLine(/^ready/);
}

/** Waits until a network's devices carry next to nothing, for at most 10 s. */
async function settle(pid: number): Promise<void> {
  const read = async (): Promise<number> => {
    const text = await Deno.readTextFile(`/proc/${pid}/net/dev`);
    const bytes = [...text.matchAll(/^ *c\d+: *(\d+)(?: +\d+){7} +(\d+)/gm)].flatMap(([, ...counts]) => counts);
    return bytes.reduce((sum, count) => sum + Number(count), 0);
  };
  let before = await read();
  for (let tries = 0; tries < 100; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = await read();
    if (now - before < 2_000) return;
    before = now;
  }
}

/** Builds one of this folder's C programs. @returns Its path. */
export async function build(source: string, parts: AsyncDisposableStack): Promise<string> {
  const { path } = parts.use(await makeTempDir());
  const from = new URL(source, import.meta.url).pathname;
  await run(["gcc", "-O2", "-pthread", "-o", `${path}/program`, from, "-lm"]);
  return `${path}/program`;
}

/**
 * Limits a device's outgoing rate, in Mbit/s; without `rate`, removes the limit.
 *
 * @param burst Maximum burst in bytes. Default: a millisecond's worth, since timers are no finer.
 */
async function limit(within: readonly string[], device: string, rate?: number, burst?: number): Promise<void> {
  await run(["tc", "qdisc", "del", "dev", device, "root"], { within, mayFail: true });
  if (rate === undefined) return;
  const bytesPerSecond = rate * 1e6 / 8;
  const bucket = burst ?? Math.max(16_000, Math.round(bytesPerSecond / 1000));
  const queue = Math.max(100_000, Math.round(bytesPerSecond / 50));
  const words = `qdisc add dev ${device} root tbf rate ${rate}mbit burst ${bucket} limit ${queue + bucket}`;
  await run(["tc", ...words.split(" ")], { within });
}

/** Drops a fraction of each device's incoming packets. */
async function lose(within: readonly string[], losses: ReadonlyMap<string, number>): Promise<void> {
  await run(["iptables", "-w", "-F", "INPUT"], { within });
  for (const [device, part] of losses) {
    if (part === 0) continue;
    const rule = `-A INPUT -i ${device} -p tcp -m statistic --mode random --probability ${part} -j DROP`;
    await run(["iptables", "-w", ...rule.split(" ")], { within });
  }
}

/** The load generator, compiled for this run. */
export class Load implements AsyncDisposable {
  readonly #testbed: Testbed;
  readonly #path: string;
  readonly #made: AsyncDisposableStack;

  private constructor(testbed: Testbed, path: string, made: AsyncDisposableStack) {
    this.#testbed = testbed;
    this.#path = path;
    this.#made = made;
  }

  /** Compiles it and starts its server at `port`. */
  static async make(testbed: Testbed, port: number): Promise<Load> {
    await using making = new AsyncDisposableStack();
    const path = await build("load.c", making);
    const server = making.use(Program.start([path, "serve", String(port)], { within: testbed.far }));
    await server.waitForLine(/^listening/);
    return new Load(testbed, path, making.move());
  }

  /** Waits until a port accepts connections from the near host, or from the one given. */
  async wait(host: string, port: number, within: readonly string[] = this.#testbed.near): Promise<void> {
    await run([this.#path, "wait", host, String(port)], { within, ms: 20_000 });
  }

  /** Runs a measurement. @throws {Error} If the generator fails. */
  async measure(mode: "up" | "down" | "trip" | "dial", host: string, port: number, seconds: number): Promise<Figures> {
    const command = [this.#path, mode, host, String(port), String(seconds)];
    await this.#testbed.settle();
    const outcome = await run(command, { within: this.#testbed.near, ms: (seconds * 1.3 + 22) * 1000 });
    return JSON.parse(outcome.text());
  }

  /** Makes `count` connections at once and sends `bytes` over each, there and back. */
  async burst(host: string, port: number, count: number, bytes: number): Promise<Burst> {
    const command = [this.#path, "burst", host, String(port), String(count), String(bytes)];
    await this.#testbed.settle();
    return JSON.parse((await run(command, { within: this.#testbed.near })).text());
  }

  /** Makes `count` connections, which stay open and idle until the program ends. @throws {Error} If one fails. */
  async hold(host: string, port: number, count: number): Promise<Program> {
    await using making = new AsyncDisposableStack();
    const command = [this.#path, "hold", host, String(port), String(count)];
    const program = making.use(Program.start(command, { within: this.#testbed.near }));
    await program.waitForLine(/^held/, `number of ${count} connections`, 300_000);
    making.move();
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#made.disposeAsync();
  }
}

/** The load generator's output; see the head of load.c. */
export type Figures = Readonly<Record<"mbps" | "mean" | "deviation" | "median" | "p99" | "rate", number>>;

/** The outcome of a burst. */
export interface Burst {
  /** Connections that did not get back exactly what they sent, followed by an end. */
  readonly failed: number;
  /** Time until the last connection was over. */
  readonly seconds: number;
  /** One failure's reason, or an empty text. */
  readonly reason: string;
}
