/** The parts of the load, and the checks after each. */
import { Application, EchoTarget, inParallel, shortSession } from "./parties.ts";
import { type Holding, IDLE_SECONDS, LoadPair, mostSessions } from "./pairs.ts";

/** Prints a part's figures. */
export type Tell = (line: string) => void;

/** Number of sessions that start concurrently. */
export const AT_ONCE = 64;

/** Interval between samples of resource usage, in milliseconds, and their maximum number. */
const SAMPLE = 500, SAMPLES = 60;

/** Number of attempts at a fast enough fresh session, and the interval between them, in milliseconds. */
const SLOW_TRIES = 10, BETWEEN_TRIES = 3000;

/** Tolerated growth of the heap since the same load before: as a factor, and in bytes. */
const MORE_HEAP = 1.1, ANY_HEAP = 500_000;

/** Tolerances after a repeated load. */
export interface Tolerance {
  /** Maximum resident memory, relative to before. */
  readonly memory: number;
  /**
   * Minimum throughput of a fresh session, relative to before. Other work on the machine slows some sessions, a damaged
   * handler slows all: one of ten attempts within half a minute has to be fast enough.
   */
  readonly throughput: number;
  /** Megabytes per throughput measurement. */
  readonly probe: number;
}

/** Waits for `ms` milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Formats bytes as MiB. */
export function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** Checks a pair of handlers after each load. */
export class Afterwards {
  readonly #pair: LoadPair;
  readonly #tell: Tell;
  readonly #tolerance: Tolerance;
  #before: [Holding, Holding] | undefined;
  #throughput = 0;

  /** Creates a check without a baseline. */
  constructor(pair: LoadPair, tell: Tell, tolerance: Tolerance) {
    this.#pair = pair;
    this.#tell = tell;
    this.#tolerance = tolerance;
  }

  /**
   * Takes the baseline after the first load. Resident memory then is at its peak, since V8 keeps its pages; the used heap
   * reveals retained objects.
   */
  async warm(): Promise<void> {
    this.#throughput = await throughput(this.#pair, this.#tolerance.probe);
    this.#before = await this.#least(undefined);
    this.#tell(`after warm-up: ${describe(this.#before)}, a fresh session ${this.#throughput.toFixed(0)} MB/s`);
  }

  /**
   * Compares with the baseline.
   *
   * @throws {Error} If files stay open, more memory is held, or a session is slower.
   */
  async check(what: string): Promise<void> {
    const before = this.#before!;
    const speed = await this.#speed();
    const now = await this.#least(before);
    this.#tell(`after ${what}: ${describe(now)}, a fresh session ${speed.toFixed(0)} MB/s`);
    const problems = now.flatMap(({ memory, files, heap }, index) => {
      const { memory: memoryBefore, files: filesBefore, heap: heapBefore } = before[index]!;
      const who = index === 0 ? "client" : "server";
      return [
        ...files > filesBefore ? [`the ${who} handler has ${files} files open, and had ${filesBefore}`] : [],
        ...heap > heapBefore * MORE_HEAP + ANY_HEAP
          ? [`the ${who} handler's heap is ${mib(heap)}, and was ${mib(heapBefore)}`]
          : [],
        ...memory > memoryBefore * this.#tolerance.memory
          ? [`the ${who} handler holds ${mib(memory)}, and held ${mib(memoryBefore)}`]
          : [],
      ];
    });
    if (speed < this.#throughput * this.#tolerance.throughput) {
      problems.push(
        `a fresh session has ${speed.toFixed(0)} MB/s at best, and had ${this.#throughput.toFixed(0)}; ` +
          "has this machine other work?",
      );
    }
    if (problems.length > 0) throw new Error(`${what}: ${problems.join("; ")}`);
  }

  /** A fresh session's throughput, remeasured while it is too low. */
  async #speed(): Promise<number> {
    let best = 0;
    for (let tries = 1; tries <= SLOW_TRIES; tries++) {
      best = Math.max(best, await throughput(this.#pair, this.#tolerance.probe));
      if (best >= this.#throughput * this.#tolerance.throughput) break;
      await pause(BETWEEN_TRIES);
    }
    return best;
  }

  /** Minimum over samples of resource usage, taken until it is back at `before` or for long enough. */
  async #least(before: [Holding, Holding] | undefined): Promise<[Holding, Holding]> {
    await pause(IDLE_SECONDS * 1000);
    let least = await this.#pair.holding();
    for (let sample = 0; sample < SAMPLES; sample++) {
      const enough = before === undefined ? sample >= 3 : least.every(({ memory, files, heap }, index) => {
        return files <= before[index]!.files && heap <= before[index]!.heap * MORE_HEAP + ANY_HEAP &&
          memory <= before[index]!.memory * this.#tolerance.memory;
      });
      if (enough) break;
      await pause(SAMPLE);
      // Allocation triggers the garbage collector.
      if (sample % 10 === 9) await inParallel(200, 4, () => shortSession(this.#pair.entry, new Uint8Array(1000)));
      const now = await this.#pair.holding();
      least = least.map(({ memory, files, heap, buffers }, index) => ({
        buffers: Math.min(buffers, now[index]!.buffers),
        memory: Math.min(memory, now[index]!.memory),
        files: Math.min(files, now[index]!.files),
        heap: Math.min(heap, now[index]!.heap),
      })) as [Holding, Holding];
    }
    return least;
  }
}

/** Throughput of a single session through the echo, in MB (10^6 bytes) a second: the best of three. */
async function throughput(pair: LoadPair, megabytes: number): Promise<number> {
  const application = await Application.begin(pair.entry);
  const bytes = new Uint8Array(1_000_000).map((_, index) => index);
  let best = 0;
  for (let run = 0; run < 3; run++) {
    const began = performance.now();
    for (let sent = 0; sent < megabytes; sent++) await application.round(bytes);
    best = Math.max(best, megabytes / (performance.now() - began) * 1000);
  }
  await application.end();
  return best;
}

/** Formats resource usage. */
export function describe(holding: readonly Holding[]): string {
  const [client, server] = holding.map(({ memory, files, heap }) =>
    `${mib(memory)} (heap ${mib(heap)}, ${files} files)`
  );
  return `client ${client}, server ${server}`;
}

/** Sizes of the parts. */
export interface Sizes {
  /** Idle sessions at once. */
  readonly idle: number;
  /** Flows of datagrams at once. */
  readonly flows: number;
  /** Duration of idleness, in seconds. */
  readonly hold: number;
  /** Concurrent busy sessions, while the others are idle. */
  readonly busy: number;
  /** Volume of each busy session in each direction, in rounds of 16 KB. */
  readonly rounds: number;
  /** Number of short sessions in sequence. */
  readonly alone: number;
  /** Number of short sessions, many concurrently. */
  readonly short: number;
  /** Tolerances of the checks. */
  readonly tolerance: Tolerance;
}

/** Runs many idle and some busy sessions at once, twice; the second run must leave no more than the first. */
export async function idle(sizes: Sizes, tell: Tell): Promise<void> {
  using target = new EchoTarget();
  await using stack = new AsyncDisposableStack();
  const most = Math.min(mostSessions(), sizes.idle + sizes.busy);
  const pairs: LoadPair[] = [];
  for (let left = sizes.idle + sizes.busy; left > 0; left -= most) {
    pairs.push(stack.use(await LoadPair.start(target, Math.min(most, left))));
  }
  const at = (index: number) => pairs[Math.floor(index / most)]!;
  const afterwards = new Afterwards(pairs[0]!, tell, sizes.tolerance);
  await explained(pairs, async () => {
    for (const round of ["first", "second"]) {
      const began = performance.now();
      const applications: Application[] = [];
      await inParallel(sizes.idle, AT_ONCE, async (index) => {
        applications.push(await Application.begin(at(index).entry));
      });
      const seconds = (performance.now() - began) / 1000;
      const held = await Promise.all(pairs.map((pair) => pair.holding()));
      const files = held.flat().reduce((sum, { files }) => sum + files, 0);
      tell(`${sizes.idle} idle sessions begun in ${seconds.toFixed(1)} s: ${files} files open; ${describe(held[0]!)}`);
      await busy(sizes, (index) => at(sizes.idle + index), tell);
      await pause(sizes.hold * 1000);
      // Each still relays.
      await inParallel(applications.length, AT_ONCE, async (index) => {
        await applications[index]!.round(Uint8Array.of(2, 3));
        await applications[index]!.end();
      });
      if (round === "first") await afterwards.warm();
      else await afterwards.check(`${sizes.idle} idle and ${sizes.busy} busy sessions`);
    }
  });
  complain(pairs);
}

async function busy({ busy, rounds }: Sizes, at: (index: number) => LoadPair, tell: Tell): Promise<void> {
  const bytes = crypto.getRandomValues(new Uint8Array(16_384));
  const began = performance.now();
  let slowest = 0;
  await inParallel(busy, busy, async (index) => {
    const application = await Application.begin(at(index).entry);
    for (let round = 0; round < rounds; round++) {
      const sent = performance.now();
      await application.round(bytes);
      slowest = Math.max(slowest, performance.now() - sent);
    }
    await application.end();
  });
  const seconds = (performance.now() - began) / 1000;
  const speed = busy * rounds * bytes.length / 1e6 / seconds;
  tell(`${busy} busy sessions: ${speed.toFixed(0)} MB/s each way in all, the slowest round ${slowest.toFixed(0)} ms`);
}

/** Time limit for a client handler to end all sessions after its server handler was killed, in milliseconds. */
const DONE = 15_000;

/** Kills the server handler of many idle sessions: all must be reset, and nothing be left of them, in time. */
export async function killed({ idle }: Sizes, tell: Tell): Promise<void> {
  using target = new EchoTarget();
  const count = Math.min(idle, mostSessions());
  await using pair = await LoadPair.start(target, count);
  await shortSession(pair.entry, new Uint8Array(1000));
  await pause(2 * IDLE_SECONDS * 1000);
  const before = await pair.clientFiles();
  const applications: Application[] = [];
  await inParallel(count, AT_ONCE, async () => void applications.push(await Application.begin(pair.entry)));
  const ended = applications.map((application) => application.broken());
  await pair.killServer();
  const began = performance.now();
  const took = () => performance.now() - began;
  const endings = await Promise.all(ended);
  const reset = endings.filter((ending) => ending === "reset").length;
  tell(`${count} sessions whose server handler was killed: ${reset} reset within ${(took() / 1000).toFixed(1)} s`);
  if (reset < count) throw new Error(`only ${reset} of ${count} were reset`);
  while (await pair.clientFiles() > before && took() < DONE) await pause(SAMPLE / 5);
  const files = await pair.clientFiles();
  if (files > before) throw new Error(`${files} files are open after ${DONE / 1000} s, and were ${before}`);
}

/** Runs short sessions in sequence, then many concurrently. */
export async function short({ alone, short, tolerance }: Sizes, tell: Tell): Promise<void> {
  using target = new EchoTarget();
  await using pair = await LoadPair.start(target, 4 * AT_ONCE);
  const request = crypto.getRandomValues(new Uint8Array(1000));
  const afterwards = new Afterwards(pair, tell, tolerance);
  await explained([pair], async () => {
    for (const [count, atOnce] of [[alone, 1], [short, AT_ONCE]] as const) {
      await inParallel(Math.ceil(count / 10), AT_ONCE, () => shortSession(pair.entry, request));
      if (atOnce === 1) await afterwards.warm();
      const began = performance.now();
      await inParallel(count, atOnce, () => shortSession(pair.entry, request));
      const seconds = (performance.now() - began) / 1000;
      tell(`${count} short sessions, ${atOnce} at a time: ${(count / seconds).toFixed(0)} a second`);
      await afterwards.check(`${count} short sessions, ${atOnce} at a time`);
    }
  });
  complain([pair]);
}

/** Runs everything in turns for `minutes`. */
export async function soak(minutes: number, sizes: Sizes, tell: Tell): Promise<void> {
  using target = new EchoTarget();
  await using pair = await LoadPair.start(target, Math.min(mostSessions(), sizes.idle + sizes.busy + AT_ONCE));
  const afterwards = new Afterwards(pair, tell, sizes.tolerance);
  const request = crypto.getRandomValues(new Uint8Array(1000));
  const end = performance.now() + minutes * 60_000;
  await explained([pair], async () => {
    for (let turn = 0; turn === 0 || performance.now() < end; turn++) {
      const applications: Application[] = [];
      await inParallel(sizes.idle, AT_ONCE, async () => void applications.push(await Application.begin(pair.entry)));
      await busy(sizes, () => pair, tell);
      await inParallel(sizes.short, AT_ONCE, () => shortSession(pair.entry, request));
      await pause(sizes.hold * 1000);
      await inParallel(applications.length, AT_ONCE, (index) => applications[index]!.end());
      if (turn === 0) await afterwards.warm();
      else await afterwards.check(`turn ${turn + 1}`);
    }
  });
  complain([pair]);
}

/** Runs a part; a failure includes the handlers' logs. */
async function explained(pairs: readonly LoadPair[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    const complaints = pairs.flatMap((pair) => pair.complaints());
    if (complaints.length === 0) throw cause;
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${what}; the logs say ${summary(complaints)}; has this machine other work?`, { cause });
  }
}

/** Summarizes log lines with their counts, the most frequent first. */
function summary(complaints: readonly string[]): string {
  const kinds = Map.groupBy(complaints, (text) => text.replace(/\(.*?\)/, "(…)"));
  const counts = [...kinds].map(([kind, { length }]) => ({ kind, length })).sort((a, b) => b.length - a.length);
  return counts.slice(0, 5).map(({ kind, length }) => `${length} times: ${kind}`).join("; ");
}

/** @throws {Error} If these pairs' logs have warnings or errors. */
export function complain(pairs: readonly LoadPair[]): void {
  const complaints = pairs.flatMap((pair) => pair.complaints());
  if (complaints.length > 0) throw new Error(`the logs say ${summary(complaints)}`);
}
