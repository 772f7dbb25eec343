import { freePort, has } from "../../tests/support/programs/programs.ts";
import { attempt, type Bench } from "../bench.ts";
import { type Environment, type Figure, type Peer, selectFigures } from "../figures.ts";
import { startWeb } from "../http.ts";
import { descendants } from "../processes.ts";
import { Results } from "../results.ts";
import { type System, systems } from "../systems.ts";
import { Load, loopback } from "../testbed.ts";

const HOST = "127.0.0.1";

/** Sockets of a session's that has an association over three channels of its own, in either handler; and other files. */
const FILES_PER_SESSION = 4, OTHER_FILES = 400;

/** A selection of measurements. */
export interface Selection {
  /** Default: all of this project's. */
  readonly systems?: readonly System[];
  /** Names of figures, or their beginnings. Default: all. */
  readonly figures?: readonly string[];
  /** Idle sessions of the figure `memory`. Default: 5,000, or as many as the limit on open files allows. */
  readonly sessions?: number;
}

/** Compares MICSS with its alternatives, each a pair of processes on this host. */
export async function peers(bench: Bench, selection: Selection = {}): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const testbed = loopback();
  const ports = { load: freePort(HOST), web: freePort(HOST) };
  const load = parts.use(await Load.make(testbed, ports.load));
  const environment = { load, testbed, sessions: Math.min(selection.sessions ?? 5000, maxSessions()) };
  const figures = selectFigures(selection.figures ?? []).filter(({ needs = [] }) => needs.every((need) => has(need)));
  if (figures.some(({ needs }) => needs?.includes("nginx"))) {
    parts.use(await startWeb([`${HOST}:${ports.web}`], [4], []));
  }
  const chosen = selection.systems ?? await systems();
  const inTurn = figures.filter(({ fresh }) => !fresh);
  // A system that has been idle for longer since it was warmed up may be slower: each is once before the others, once behind.
  for (const [order, ordered] of Object.entries({ "in order": chosen, "in reverse": chosen.toReversed() })) {
    const progress = (text: string): void => bench.progress(`${order}: ${text}`);
    await inRounds({ ...bench, progress }, ordered, inTurn, ports, environment);
  }
  for (const figure of figures.filter(({ fresh }) => fresh)) {
    for (const system of chosen.filter((system) => measures(system, figure))) {
      bench.progress(`${figure.name}, ${system.name}`);
      await attempt(bench, system.name, async () => {
        await using own = new AsyncDisposableStack();
        // And the few of a warm-up.
        const peer = await start(system, ports, load, own, environment.sessions + 10);
        await figure.measure(bench, peer, environment);
      });
    }
  }
}

/** Starts systems, and measures them in turns, `bench.rounds` times. */
async function inRounds(
  bench: Bench,
  chosen: readonly System[],
  figures: readonly Figure[],
  ports: { readonly load: number; readonly web: number },
  environment: Environment,
): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const running: [System, Peer][] = [];
  for (const system of chosen.filter((system) => figures.some((figure) => measures(system, figure)))) {
    bench.progress(`starting ${system.name}`);
    await attempt(bench, system.name, async () => {
      running.push([system, await start(system, ports, environment.load, parts)]);
    });
  }
  const round = async (bench: Bench, name: string, figures: readonly Figure[]): Promise<void> => {
    for (const [system, peer] of running) {
      const measured = figures.filter((figure) => measures(system, figure));
      if (measured.length > 0) bench.progress(`${name}, ${system.name}`);
      for (const figure of measured) await figure.measure(bench, peer, environment);
    }
  };
  // Code is compiled as it is used.
  const warmUp = { ...bench, results: new Results() };
  await round(warmUp, "warming up", figures.filter(({ cold }) => !cold));
  bench.results.failures.push(...warmUp.results.failures.map((failure) => `warming up: ${failure}`));
  for (let at = 0; at < bench.rounds; at++) await round(bench, `round ${at + 1}`, figures);
}

/** Starts a system's paths. */
async function start(
  system: System,
  ports: { readonly load: number; readonly web: number },
  load: Load,
  parts: AsyncDisposableStack,
  sessions?: number,
): Promise<Peer> {
  const before = new Set(descendants());
  const entries = await system.start([ports.load, ports.web], load, parts, sessions);
  const processes = descendants().filter((pid) => !before.has(pid));
  return { system: system.name, host: HOST, load: entries[0]!, web: entries[1]!, processes };
}

function measures({ figures = [] }: System, { name }: Figure): boolean {
  return figures.length === 0 || figures.some((word) => name.startsWith(word));
}

/** Maximum sessions of a handler that has three channels for each, given the limit on open files. */
function maxSessions(): number {
  const limit = /^Max open files\s+\d+\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"))?.[1];
  return limit === undefined ? Infinity : Math.floor((Number(limit) - OTHER_FILES) / FILES_PER_SESSION);
}
