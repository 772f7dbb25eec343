import { stdFlags } from "../../scripts/std.ts";
import { Program, run } from "../../tests/support/programs/process.ts";
import { has } from "../../tests/support/programs/programs.ts";
import { startWireGuard, WIREGUARD_NEEDS } from "../../tests/support/programs/wireguard.ts";
import { median } from "../../src/bench/statistics.ts";
import { attempt, type Bench } from "../bench.ts";
import { ENTRY_HOST, startPair } from "../pair.ts";
import { cpuSeconds, descendants } from "../processes.ts";
import { startRelay } from "../relay.ts";
import { build, Load, makeTestbed, type Testbed } from "../testbed.ts";

/** Ports of the targets: datagrams that come back, iperf3, WireGuard; and one of TCP, to wait for handlers. */
const ECHO = 9001, IPERF = 5201, WIREGUARD = 51820, PORT = 9000;

/** Payloads, in bytes. */
const LENGTHS = [100, 1400];

/** Rates to try, in Mbit/s. */
const RATES = [12, 25, 50, 100, 200, 400, 800, 1600];

/** Loss at which a rate is too high, in percent. */
const MAX_LOSS = 0.1;

/** MTU of tunnels over IPv4: WireGuard's own (room for IPv6), and what MICSS leaves. */
const OWN_MTU = 1420, SHARED_MTU = 1408;

/** A path of datagrams. */
interface Way {
  readonly system: string;
  /** Address of its entries. */
  readonly host: string;
  /** Ports of its entries. */
  readonly echo: number;
  readonly iperf: number;
  readonly wireguard?: number;
  readonly mtu?: number;
  /** The processes that carry the datagrams. */
  readonly processes: readonly number[];
}

/**
 * Datagrams from an application through both handlers to a target: one there and back, 64 at a time, as many as arrive, and
 * a WireGuard tunnel; next to the same without handlers, and through two relays with the handlers' own sockets.
 */
export async function udp(bench: Bench): Promise<void> {
  await using testbed = await makeTestbed();
  const { near, far, topology } = testbed;
  if (topology === undefined || !has("iperf3")) return bench.progress("left out: needs root, namespaces, and iperf3");
  await using parts = new AsyncDisposableStack();
  const load = parts.use(await Load.make(testbed, PORT)), generator = await build("udp_load.c", parts);
  await parts.use(Program.start([generator, "echo", String(ECHO)], { within: far })).waitForLine(/listening/);
  await parts.use(Program.start(["iperf3", "-s", "--forceflush"], { within: far })).waitForLine(/listening/);
  const ways = await startWays(testbed, load, parts);
  // Programs in Deno are compiled while they run.
  for (const { host, echo } of ways) await run([generator, "requests", host, `${echo}`, "2", "100"], { within: near });
  for (let round = 0; round < bench.rounds; round++) {
    for (const way of ways) {
      for (const bytes of LENGTHS) {
        bench.progress(`round ${round + 1}, ${way.system}, ${bytes} bytes`);
        const measure = async (mode: string) => {
          const command = [generator, mode, way.host, String(way.echo), String(bench.seconds), String(bytes)];
          return JSON.parse((await run(command, { within: near })).text());
        };
        await attempt(bench, `udp: ${way.system}, ${bytes} bytes`, () => measureAnswers(bench, way, bytes, measure));
      }
      await attempt(bench, `udp: ${way.system}, rate`, () => measureRate(bench, way, near));
      if (way.wireguard === undefined || !WIREGUARD_NEEDS.every(has)) continue;
      bench.progress(`round ${round + 1}, WireGuard, ${way.system}`);
      await attempt(bench, `udp: WireGuard, ${way.system}`, () => measureTunnel(bench, way, topology));
    }
  }
}

/** Starts everything that carries datagrams; all of it stays, and is idle while another one is measured. */
async function startWays(testbed: Testbed, load: Load, parts: AsyncDisposableStack): Promise<Way[]> {
  const direct = { echo: ECHO, iperf: IPERF, wireguard: WIREGUARD, mtu: OWN_MTU, processes: [] };
  const ways: Way[] = [{ system: "direct", host: testbed.hosts[0]!, ...direct }];
  const start = async (way: Omit<Way, "processes" | "host">, start: () => Promise<void>) => {
    const before = new Set(descendants());
    await start();
    ways.push({ ...way, host: ENTRY_HOST, processes: descendants().filter((pid) => !before.has(pid)) });
  };
  await start({ system: "relay pair", echo: 9101, iperf: 9102 }, async () => {
    for (const [entry, target] of [[9101, ECHO], [9102, IPERF]] as const) {
      await startUdpRelay(`${testbed.hosts[0]}:${entry + 100}`, `127.0.0.1:${target}`, testbed.far, parts);
      await startUdpRelay(`${ENTRY_HOST}:${entry}`, `${testbed.hosts[0]}:${entry + 100}`, testbed.near, parts);
    }
    // For iperf3's control connection.
    parts.use(await startRelay([`${ENTRY_HOST}:9102`], [`${testbed.hosts[0]}:${IPERF}`], { within: testbed.near }));
  });
  const pairs = [["MICSS, 3 channels", 9110, {}], ["MICSS, 2 of 3", 9120, { threshold: 2 }]] as const;
  for (const [system, first, settings] of pairs) {
    const [echo, iperf, wireguard] = [first, first + 1, first + 2];
    const datagrams = [[echo, ECHO], [iperf, IPERF], [wireguard, WIREGUARD]]
      .map(([entry, target]) => ({ entry: entry!, target: target! }));
    await start({ system, echo, iperf, wireguard, mtu: SHARED_MTU }, async () => {
      const routes = [{ entry: iperf, target: IPERF }, { entry: first + 3, target: PORT }];
      parts.use(await startPair(testbed, load, { routes, datagrams, channelPort: first, ...settings }));
    });
  }
  return ways;
}

async function startUdpRelay(
  listen: string,
  to: string,
  within: readonly string[],
  parts: AsyncDisposableStack,
): Promise<void> {
  const cwd = new URL("../../", import.meta.url).pathname;
  const flags = ["run", "-q", "--allow-net", "--allow-ffi", "--allow-env", "--allow-sys", "--allow-read"];
  const command = [Deno.execPath(), ...flags, ...await stdFlags(), "bench/udp_relay.ts", listen, to];
  await parts.use(Program.start(command, { within, cwd })).waitForLine(/^listening/);
}

/** Measures one datagram there and back, and 64 at a time. */
async function measureAnswers(
  bench: Bench,
  { system, processes }: Way,
  bytes: number,
  measure: (mode: "trip" | "requests") => Promise<{ median: number; p99: number; rate: number }>,
): Promise<void> {
  const add = (metric: string, unit: string, value: number) =>
    bench.results.add("udp", system, { bytes }, metric, unit, value);
  const { median, p99 } = await measure("trip");
  add("round trip, median", "µs", median);
  add("round trip, p99", "µs", p99);
  const before = cpuSeconds(processes), { rate } = await measure("requests");
  add("64 at a time", "1/s", rate);
  if (processes.length === 0) return;
  add("processor", "µs each", (cpuSeconds(processes) - before) / (rate * bench.seconds) * 1e6);
}

/** Measures the highest rate at which nearly all datagrams arrive. */
async function measureRate(bench: Bench, { system, host, iperf }: Way, within: readonly string[]): Promise<void> {
  const bytes = LENGTHS.at(-1)!;
  let best = 0;
  for (const rate of RATES) {
    const flags = ["-u", "-b", `${rate}M`, "-l", String(bytes), "-t", String(Math.max(1, bench.seconds)), "--json"];
    const passes = async () => {
      const report = (await run(["iperf3", "-c", host, "-p", String(iperf), ...flags], { within })).text();
      const { lost_percent: lost, bits_per_second: bits } = JSON.parse(report).end.sum;
      return lost < MAX_LOSS && bits > 0.9 * rate * 1e6;
    };
    // A pause of the machine is no loss of a rate.
    if (!(await passes() || await passes())) break;
    best = rate;
  }
  bench.results.add("udp", system, { bytes }, `rate with less than ${MAX_LOSS} % lost`, "Mbit/s", best);
}

/** Measures TCP and ping through a WireGuard tunnel over a way. */
async function measureTunnel(
  bench: Bench,
  { system, host, wireguard, mtu }: Way,
  { near, far }: NonNullable<Testbed["topology"]>,
): Promise<void> {
  const options = { endpoint: `${host}:${wireguard}`, port: WIREGUARD, mtu: mtu! };
  await using tunnel = await startWireGuard(near, far, options);
  const add = (metric: string, unit: string, value: number) =>
    bench.results.add("wireguard", system === "direct" ? "WireGuard" : `over ${system}`, {}, metric, unit, value);
  await run(["ping", "-c", "1", tunnel.far], near);
  const pings = (await run(["ping", "-n", "-i", "0.01", "-c", "100", tunnel.far], near)).text();
  const times = [...pings.matchAll(/time=([\d.]+) ms/g)].map(([, time]) => Number(time)).sort((a, b) => a - b);
  add("ping, median", "ms", median(times));
  const seconds = String(Math.max(2, bench.seconds));
  const report = JSON.parse((await run(["iperf3", "-c", tunnel.far, "-t", seconds, "--json"], near)).text());
  add("TCP", "Mbit/s", report.end.sum_received.bits_per_second / 1e6);
}
