import { freePort, has } from "../../tests/support/programs/programs.ts";
import { attempt, type Bench, measureThroughput, measureTrips } from "../bench.ts";
import { descendants } from "../cpu.ts";
import { measureRequests, request, startWeb } from "../http.ts";
import { startPair } from "../pair.ts";
import { Load, loopback } from "../testbed.ts";
import { availableTunnels, startTunnel, type Tunnel } from "../tunnels.ts";

const HOST = "127.0.0.1";

/** What the web server is asked; as long before the first round, for code to be compiled, as in each. */
const REQUESTS = { clients: 50, kilobytes: 4, seconds: 2 } as const;

/** Something that leads to the load generator's server at one port, and to the web server at the other. */
interface Peer {
  readonly system: string;
  readonly load: number;
  readonly web: number;
  /** The processes that lead to the load generator's server. */
  readonly processes?: readonly number[];
}

/**
 * Beside what people would use instead, everything on this host, each a pair of processes.
 *
 * @param of Which tunnels. Default: those that are installed.
 * @param counts How many channels MICSS has.
 */
export async function peers(
  bench: Bench,
  of: readonly Tunnel[] = availableTunnels(),
  counts: readonly number[] = [2, 3],
): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const stage = loopback();
  const ports = { load: freePort(HOST), web: freePort(HOST) };
  const load = parts.use(await Load.make(stage, ports.load));
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
      const entry = freePort(HOST), stage = loopback(channels);
      parts.use(await startPair(stage, load, { target, entry, channelPort: freePort(...stage.hosts) }));
      return entry;
    };
    const system = `MICSS, ${channels} channels`;
    all.push({ system, ...await starting(() => start(ports.load)), web: await start(ports.web) });
  }
  for (const { system, web: port } of hasWeb ? all : []) {
    bench.progress(`warming up ${system}`);
    for (const keepAlive of [false, true]) {
      const warmUp = () => request(stage, { host: HOST, port }, { ...REQUESTS, keepAlive });
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
        await measureRequests(bench, "peers", stage, to, { ...REQUESTS, keepAlive });
      }
    }
  }
}

/** Starts something. @returns Its port, and the processes that it takes. */
async function starting(start: () => Promise<number>): Promise<{ load: number; processes: number[] }> {
  const before = new Set(descendants());
  const load = await start();
  return { load, processes: descendants().filter((pid) => !before.has(pid)) };
}
