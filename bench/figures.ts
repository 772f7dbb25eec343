import { median } from "../src/bench/statistics.ts";
import { attempt, type Bench, measureThroughput, measureTrips, type Way } from "./bench.ts";
import { measureRequests } from "./http.ts";
import { residentMemory } from "./processes.ts";
import type { Load, Testbed } from "./testbed.ts";

const PART = "peers";

/** Connections of a burst, and bytes that each sends and receives. */
const BURST = { connections: 1000, bytes: 100_000 } as const;

/** Samples of resident memory. */
const SAMPLES = 15;

/** A running path to the load generator's server on one port, and to the web server on another. */
export interface Peer {
  readonly system: string;
  readonly host: string;
  readonly load: number;
  readonly web: number;
  /** The processes that carry the traffic; none without a tunnel. */
  readonly processes: readonly number[];
}

/** The environment of a measurement. */
export interface Environment {
  readonly load: Load;
  readonly testbed: Testbed;
  /** Idle sessions of the figure `memory`. */
  readonly sessions: number;
}

/** Something that is measured of every system. */
export interface Figure {
  /** Its name on the command line. */
  readonly name: string;
  /** Programs that it needs. */
  readonly needs?: readonly string[];
  /** Measures processes that have done nothing before, once. Default: in every round. */
  readonly fresh?: boolean;
  /** Is not part of the warm-up, since the first time counts, too. */
  readonly cold?: boolean;
  measure(bench: Bench, peer: Peer, environment: Environment): Promise<void>;
}

/** The figures of `peers`. */
export const FIGURES: readonly Figure[] = [
  throughput("up"),
  throughput("down"),
  { name: "roundtrip", measure: (bench, peer, { load }) => measureTrips(bench, PART, load, wayTo(peer)) },
  { name: "connections", measure: connections },
  requests(false),
  requests(true),
  { name: "burst", cold: true, measure: burst },
  { name: "alongside", measure: alongside },
  { name: "memory", fresh: true, measure: memory },
];

/** The figures with these names or beginnings of names: "requests" selects two. Default: all. */
export function selectFigures(words: readonly string[]): Figure[] {
  return FIGURES.filter(({ name }) => words.length === 0 || words.some((word) => name.startsWith(word)));
}

function throughput(mode: "up" | "down"): Figure {
  return {
    name: `throughput-${mode}`,
    measure(bench, peer, { load }) {
      const { processes } = peer;
      const way = { ...wayTo(peer), ...processes.length > 0 ? { processes } : {} };
      return measureThroughput(bench, PART, load, way, mode);
    },
  };
}

/** Connections one after the other. */
async function connections(bench: Bench, { system, host, load: port }: Peer, { load }: Environment): Promise<void> {
  await attempt(bench, `${PART}: ${system}, connections`, async () => {
    const { rate } = await load.measure("dial", host, port, bench.seconds / 2);
    bench.results.add(PART, system, {}, "connections", "1/s", rate);
  });
}

/** Requests of 50 clients at once. */
function requests(keepAlive: boolean): Figure {
  return {
    name: keepAlive ? "requests-kept" : "requests-each",
    needs: ["nginx", "wrk"],
    measure(bench, peer, { testbed }) {
      const setting = { connections: keepAlive ? "kept" : "one a request" };
      const way = { ...wayTo(peer), port: peer.web, setting };
      const seconds = Math.max(1, Math.round(2 * bench.seconds));
      return measureRequests(bench, PART, testbed, way, { clients: 50, kilobytes: 4, keepAlive, seconds });
    },
  };
}

/** Many connections at once, each with an exchange in both directions. */
async function burst(bench: Bench, { system, host, load: port }: Peer, { load }: Environment): Promise<void> {
  const what = `${PART}: ${system}, burst`;
  await attempt(bench, what, async () => {
    const { failed, seconds, reason } = await load.burst(host, port, BURST.connections, BURST.bytes);
    if (failed > 0) bench.results.failures.push(`${what}: ${failed} of ${BURST.connections} failed: ${reason}`);
    bench.results.add(PART, system, {}, "burst, failures", `of ${BURST.connections}`, failed);
    bench.results.add(PART, system, {}, "burst", "s", seconds);
  });
}

/** Round trips of one connection while another is saturated. */
async function alongside(bench: Bench, { system, host, load: port }: Peer, { load }: Environment): Promise<void> {
  for (const mode of ["up", "down"] as const) {
    await attempt(bench, `${PART}: ${system}, alongside a flow ${mode}`, async () => {
      const seconds = 2 * bench.seconds;
      const flow = load.measure(mode, host, port, 1.2 * seconds);
      // Begins after the flow's ramp, and ends before the flow.
      const trips = pause(400 * seconds).then(() => load.measure("trip", host, port, 0.9 * seconds));
      const [trip] = await Promise.all([trips, flow]).finally(() => Promise.allSettled([trips, flow]));
      bench.results.add(PART, system, {}, `alongside a flow ${mode}, median`, "ms", trip.median / 1000);
      bench.results.add(PART, system, {}, `alongside a flow ${mode}, p99`, "ms", trip.p99 / 1000);
    });
  }
}

/** Memory that idle sessions add to the process that grows most. */
async function memory(bench: Bench, peer: Peer, { load, sessions }: Environment): Promise<void> {
  await attempt(bench, `${PART}: ${peer.system}, memory`, async () => {
    // Code that every session needs is loaded by the first ones.
    await load.measure("dial", peer.host, peer.load, 0.2);
    await pause(500);
    const before = residentMemory(peer.processes);
    await using held = await load.hold(peer.host, peer.load, sessions);
    let ended = false;
    held.exited.then(() => ended = true);
    const samples: number[][] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      await pause(30_000 * bench.seconds / SAMPLES);
      if (ended) throw new Error(held.describe());
      samples.push(residentMemory(peer.processes));
    }
    const usual = peer.processes.map((_, at) => median(samples.map((sample) => sample[at]!).toSorted((a, b) => a - b)));
    const each = usual.map((bytes, at) => (bytes - before[at]!) / sessions / 1024);
    bench.results.add(PART, peer.system, {}, "memory of an idle session", "KiB", Math.max(...each));
  });
}

function wayTo({ system, host, load: port }: Peer): Way {
  return { system, host, port };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
