import { freePort, has } from "../../tests/support/programs/programs.ts";
import { attempt, type Bench, measureThroughput, measureTrips } from "../bench.ts";
import { descendants } from "../cpu.ts";
import { measureRequests, request, startWeb } from "../http.ts";
import { startPair } from "../pair.ts";
import { Load, loopback } from "../testbed.ts";
import { availableTunnels, startTunnel, type Tunnel } from "../tunnels.ts";

const HOST = "127.0.0.1";

/** Requests of a measurement; the warm-up before the first round, for code to be compiled, takes as long. */
const REQUESTS = { clients: 50, kilobytes: 4, seconds: 2 } as const;

/** A path to the load generator's server on one port, and to the web server on another. */
interface Peer {
  readonly system: string;
  readonly load: number;
  readonly web: number;
  /** The processes on the path to the load generator's server. */
  readonly processes?: readonly number[];
}

/**
 * Compares MICSS with its alternatives, each a pair of processes on this host.
 *
 * @param of Tunnels. Default: those that are installed.
 * @param counts Numbers of MICSS's channels.
 */
export async function peers(
  bench: Bench,
  of: readonly Tunnel[] = availableTunnels(),
  counts: readonly number[] = [2, 3],
): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const testbed = loopback();
  const ports = { load: freePort(HOST), web: freePort(HOST) };
  const load = parts.use(await Load.make(testbed, ports.load));
  const hasWeb = has("nginx") && has("wrk");
  if (hasWeb) parts.use(await startWeb([`${HOST}:${ports.web}`], [4], []));
  const all: Peer[] = [{ system: "direct", ...ports }];
  for (const tunnel of of) {
    const start = (target: number): Promise<number> => startTunnel(tunnel, target, load, parts);
    await attempt(bench, tunnel.name, async () => {
      all.push({ system: tunnel.name, ...await starting(() => start(ports.load)), web: await start(ports.web) });
    });
  }
  for (const channels of counts) {
    const start = async (target: number): Promise<number> => {
      const entry = freePort(HOST), testbed = loopback(channels);
      parts.use(await startPair(testbed, load, { target, entry, channelPort: freePort(...testbed.hosts) }));
      return entry;
    };
    const system = `MICSS, ${channels} channels`;
    all.push({ system, ...await starting(() => start(ports.load)), web: await start(ports.web) });
  }
  for (const { system, web: port } of hasWeb ? all : []) {
    bench.progress(`warming up ${system}`);
    for (const keepAlive of [false, true]) {
      const warmUp = () => request(testbed, { host: HOST, port }, { ...REQUESTS, keepAlive });
      await attempt(bench, `peers: ${system}, warming up`, async () => void await warmUp());
    }
  }
  for (let round = 0; round < bench.rounds; round++) {
    for (const peer of all) {
      bench.progress(`round ${round + 1}, ${peer.system}`);
      const way = { system: peer.system, host: HOST, port: peer.load };
      const flow = { ...way, ...peer.processes && { processes: peer.processes } };
      for (const mode of ["up", "down"] as const) await measureThroughput(bench, "peers", load, flow, mode);
      await measureTrips(bench, "peers", load, way);
      await attempt(bench, `peers: ${peer.system}, connections`, async () => {
        const { rate } = await load.measure("dial", HOST, peer.load, bench.seconds / 2);
        bench.results.add("peers", peer.system, {}, "connections", "1/s", rate);
      });
      for (const keepAlive of hasWeb ? [false, true] : []) {
        const connections = keepAlive ? "kept" : "one a request";
        const to = { ...way, port: peer.web, setting: { connections } };
        await measureRequests(bench, "peers", testbed, to, { ...REQUESTS, keepAlive });
      }
    }
  }
}

/** Starts a path. @returns Its port, and the processes that it started. */
async function starting(start: () => Promise<number>): Promise<{ load: number; processes: number[] }> {
  const before = new Set(descendants());
  const load = await start();
  return { load, processes: descendants().filter((pid) => !before.has(pid)) };
}
