/** The parts of the load that measure memory: of idle sessions, and of a busy one whose channels are unlike. */
import { Application, EchoTarget, inParallel, shortSession } from "./parties.ts";
import { LoadPair, mostSessions } from "./pairs.ts";
import { AT_ONCE, complain, describe, mib, pause, type Sizes, type Tell } from "./parts.ts";
import { PacedPath } from "./paced_path.ts";

/** V8's flags for who holds thousands of idle sessions and little memory (docs/BENCHMARKS.md, Memory). */
const SMALL_HEAP = "--v8-flags=--max-semi-space-size=4,--heap-growing-percent=10";

/** The most that an idle session may take of either handler, in bytes, where there are many; and with a small heap. */
const MAX_IDLE = 64 * 1024, MAX_IDLE_SMALL = 48 * 1024;

/** The most that a busy session may take of either handler, in bytes. */
const MAX_BUSY = 8 * 1024 * 1024;

/** How many samples of resident memory are taken while sessions are idle. */
const SAMPLES = 15;

/**
 * What an idle session adds to either handler, at several numbers of them: the median of samples. Nobody makes V8 collect
 * garbage meanwhile.
 *
 * @throws {Error} When it is too much at the largest number.
 */
export async function memory(sizes: Sizes, tell: Tell): Promise<void> {
  const most = Math.min(mostSessions(), sizes.idle);
  for (const count of new Set([1, 100, 1000, most].map((one) => Math.min(one, most)))) {
    await idle(count, sizes, tell, count === most ? MAX_IDLE : Infinity);
  }
  await idle(most, sizes, tell, MAX_IDLE_SMALL, SMALL_HEAP);
}

/** @param limit How many bytes a session may take, where they are a thousand at least. */
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

/** How fast the slow channel is, in bytes a second each way, and how many times faster the others are. */
const SLOW = 1_000_000, TIMES = 100;

/** How many sessions more there are at the second look. */
const MORE = 8;

/** For how long sessions are busy at least, in seconds, and how often memory is looked at meanwhile, in milliseconds. */
const BUSY = 10, LOOK = 200;

/**
 * What a session adds to either handler that is busy both ways over two channels and a third one, 100 times slower. The
 * first one takes code along, and V8's young generation, which are there once; what counts is what others add.
 *
 * @throws {Error} When it is too much.
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

/** The most that was resident while so many sessions were busy. */
async function mostWhileBusy(pair: LoadPair, count: number): Promise<[number, number]> {
  // One round takes all the time: whoever takes more than it should has it to take.
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
