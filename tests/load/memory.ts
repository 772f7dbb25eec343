/** Parts that measure memory: of idle sessions, and of a busy one over unequal channels. */
import { Application, EchoTarget, inParallel, shortSession } from "./parties.ts";
import { LoadPair, mostSessions } from "./pairs.ts";
import { AT_ONCE, complain, describe, mib, pause, type Sizes, type Tell } from "./parts.ts";
import { PacedPath } from "./paced_path.ts";

/** V8's flags for handlers with thousands of idle sessions and little memory (docs/BENCHMARKS.md, Memory). */
const SMALL_HEAP = "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=10";

/** Maximum memory per idle session in either handler, in bytes, with many of them; and with a small heap. */
const MAX_IDLE = 24 * 1024, MAX_IDLE_SMALL = 20 * 1024;

/** Maximum memory per busy session in either handler, in bytes. */
const MAX_BUSY = 8 * 1024 * 1024;

/** Number of samples of resident memory while sessions are idle. */
const SAMPLES = 15;

/**
 * Measures the memory per idle session in either handler, for several numbers of sessions: the median of samples. V8 is
 * not asked to collect garbage meanwhile.
 *
 * @throws {Error} If it is too much for the largest number.
 */
export async function memory(sizes: Sizes, tell: Tell): Promise<void> {
  const most = Math.min(mostSessions(), sizes.idle);
  for (const count of new Set([1, 100, 1000, most].map((one) => Math.min(one, most)))) {
    await idle(count, sizes, tell, count === most ? MAX_IDLE : Infinity);
  }
  await idle(most, sizes, tell, MAX_IDLE_SMALL, SMALL_HEAP);
}

/** @param limit Maximum bytes per session, if there are at least a thousand. */
async function idle(count: number, sizes: Sizes, tell: Tell, limit: number, heap?: string): Promise<void> {
  using target = new EchoTarget();
  await using pair = await LoadPair.start(target, count, undefined, heap);
  await shortSession(pair.entry, new Uint8Array(1000));
  await pause(500);
  const before = await pair.resident();
  const applications: Application[] = [];
  await inParallel(count, AT_ONCE, async () => void applications.push(await Application.begin(pair.entry)));
  const samples: [number, number][] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    await pause(sizes.hold * 1000 / SAMPLES);
    samples.push(await pair.resident());
  }
  const each = before.map((bytes, who) => (median(samples.map((sample) => sample[who]!)) - bytes) / count);
  const [client, server] = each.map((bytes) => (bytes / 1024).toFixed(1));
  const held = describe(await pair.holding());
  const how = heap === undefined ? "" : ", heap kept small";
  tell(`${count} idle${how}: client ${client} KiB, server ${server} KiB a session; in all ${held}`);
  await inParallel(count, AT_ONCE, (index) => applications[index]!.end());
  complain([pair]);
  if (count >= 1000 && each.some((bytes) => bytes > limit)) {
    throw new Error(`an idle session takes more than ${limit / 1024} KiB`);
  }
}

/** Rate of the slow channel in each direction, in bytes a second, and the others' multiple of it. */
const SLOW = 1_000_000, TIMES = 100;

/** Number of further sessions in the second measurement. */
const MORE = 8;

/** Minimum duration of busy sessions, in seconds, and the interval of memory samples, in milliseconds. */
const BUSY = 10, LOOK = 200;

/**
 * Measures the memory per session in either handler that is busy in both directions over two channels and a third, 100
 * times slower one. The first session also loads code and grows V8's young generation once, so further ones are measured.
 *
 * @throws {Error} If it is too much.
 */
export async function uneven(_: Sizes, tell: Tell): Promise<void> {
  using target = new EchoTarget();
  await using stack = new AsyncDisposableStack();
  const through = [TIMES * SLOW, TIMES * SLOW, SLOW].map((rate) => stack.use(new PacedPath(rate)));
  await using pair = await LoadPair.start(target, 1 + MORE, (channel, index) => through[index]!.lead(channel));
  await shortSession(pair.entry, new Uint8Array(1000));
  await pause(500);
  const before = await pair.resident();
  const first = await mostWhileBusy(pair, 1);
  const all = await mostWhileBusy(pair, 1 + MORE);
  const [client, server] = all.map((bytes, who) => (bytes - first[who]!) / MORE) as [number, number];
  const [clientFirst, serverFirst] = first.map((bytes, who) => bytes - before[who]!) as [number, number];
  tell(
    `a busy session, one of three channels ${TIMES} times slower: client ${mib(client)}, server ${mib(server)}; ` +
      `the first one ${mib(clientFirst)} and ${mib(serverFirst)}; in all ${describe(await pair.holding())}`,
  );
  complain([pair]);
  if (Math.max(client, server) > MAX_BUSY) throw new Error(`a busy session takes more than ${mib(MAX_BUSY)}`);
}

/** Maximum resident memory while `count` sessions are busy. */
async function mostWhileBusy(pair: LoadPair, count: number): Promise<[number, number]> {
  // A single round of the whole duration gives excessive memory time to build up.
  const bytes = new Uint8Array(BUSY * SLOW).map((_, index) => index >> 8);
  let most = await pair.resident(), busy = true;
  const looking = (async () => {
    for (; busy; await pause(LOOK)) {
      const now = await pair.resident();
      most = [Math.max(most[0], now[0]), Math.max(most[1], now[1])];
    }
  })();
  const end = performance.now() + BUSY * 1000;
  await inParallel(count, count, async () => {
    const application = await Application.begin(pair.entry);
    do await application.round(bytes); while (performance.now() < end);
    await application.end();
  });
  busy = false;
  await looking;
  return most;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
