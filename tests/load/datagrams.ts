/** The part that carries flows of datagrams: their memory, the datagrams lost, and what is left of them. */
import { EchoTarget, shortSession } from "./parties.ts";
import { DatagramApplications, DatagramEcho } from "./datagram_parties.ts";
import { type Holding, IDLE_SECONDS, LoadPair, mostSessions } from "./pairs.ts";
import { complain, describe, pause, type Sizes, type Tell } from "./parts.ts";

/** Datagrams that applications send together every {@linkcode INTERVAL} milliseconds: 2,000 a second. */
const BURST = 20, INTERVAL = 10;

/** Bytes of a datagram. */
const LENGTH = 200;

/** Seconds without a datagram after which a flow ends, in these runs. */
const SILENCE = 60;

/** Maximum memory per open flow in either handler after garbage collection, in bytes, with at least a thousand of them. */
const MAX_FLOW = 40 * 1024;

/** Maximum share of datagrams that are lost on the way there and back, where all paths are this machine's. */
const MAX_LOST = 0.02;

/** Time limit for all flows to be open, in milliseconds. */
const OPEN_LIMIT = 120_000;

/** Time after which a question is asked again, in milliseconds. */
const ANSWER = 500;

const BUSY_MACHINE = "has this machine other work?";

/** Tolerated growth of the heap from one load to the same one. */
const MORE_HEAP = 1.1, ANY_HEAP = 1_000_000;

/**
 * Opens many flows, twice, and sends over all of them for a while.
 *
 * @throws {Error} If a flow takes too much memory, too many datagrams are lost, or anything is left once flows have ended.
 */
export async function datagrams(sizes: Sizes, tell: Tell): Promise<void> {
  using echo = new DatagramEcho();
  using target = new EchoTarget();
  const flows = Math.min(sizes.flows, mostSessions());
  await using pair = await LoadPair.start({ address: target.address, udp: echo.address, silence: SILENCE }, flows);
  await shortSession(pair.entry, new Uint8Array(1000));
  await pause(500);
  const idle = await pair.holding(), files = idle.map(({ files }) => files);
  let before: [Holding, Holding] | null = null;
  for (const round of ["first", "second"]) {
    const began = performance.now();
    using applications = new DatagramApplications(flows, pair.udpEntry);
    await open(applications);
    const seconds = (performance.now() - began) / 1000;
    await pause(1000);
    const held = await pair.holding();
    const each = held.map((one, who) => (live(one) - live(idle[who]!)) / flows);
    const [client, server] = each.map((bytes) => (bytes / 1024).toFixed(1));
    tell(`${flows} flows open within ${seconds.toFixed(1)} s: client ${client} KiB, server ${server} KiB a flow`);
    tell(`in all: ${describe(held)}`);
    if (round === "first" && flows >= 1000 && each.some((bytes) => bytes > MAX_FLOW)) {
      throw new Error(`a flow takes more than ${MAX_FLOW / 1024} KiB`);
    }
    await busy(applications, flows, sizes.hold, tell);
    await pause((SILENCE + IDLE_SECONDS + 3) * 1000);
    const after = await pair.holding();
    tell(`once they have ended: ${describe(after)}`);
    if (after.some((one, who) => one.files > files[who]!)) throw new Error(`${files} files were open before`);
    if (before !== null && after.some(({ heap }, who) => heap > MORE_HEAP * before![who]!.heap + ANY_HEAP)) {
      throw new Error(`the heaps had ${before.map(({ heap }) => heap)} bytes after the same before`);
    }
    before = after;
  }
  complain([pair]);
}

/** Bytes in use. Resident memory has what is yet to be collected, too: much, after a burst of new flows. */
function live({ heap, buffers }: Holding): number {
  return heap + buffers;
}

/** Sends until each application has got two answers, as a flow with less ends sooner: of some at a time, as fast as they come. */
async function open(applications: DatagramApplications): Promise<void> {
  const end = performance.now() + OPEN_LIMIT, all = applications.unanswered();
  for (let at = 0; at < all.length; at += BURST) {
    const some = all.slice(at, at + BURST);
    for (let left = some; left.length > 0; left = applications.unanswered(some)) {
      if (performance.now() > end) throw new Error(`${all.length - at} flows were not opened in time; ${BUSY_MACHINE}`);
      for (let each = 0; each < 2; each++) applications.send(left, LENGTH);
      for (let waited = 0; waited < ANSWER && applications.unanswered(left).length > 0; waited += 5) await pause(5);
    }
  }
}

async function busy(applications: DatagramApplications, flows: number, seconds: number, tell: Tell): Promise<void> {
  const [sent, received, began] = [applications.sent, applications.received, performance.now()];
  for (let next = 0; performance.now() - began < 1000 * seconds; next += BURST) {
    applications.send(Array.from({ length: BURST }, (_, index) => (next + index) % flows), LENGTH);
    await pause(INTERVAL);
  }
  await pause(500);
  const out = applications.sent - sent, back = applications.received - received;
  tell(`${(out / seconds).toFixed(0)} datagrams a second: ${back} of ${out} came back`);
  if (back < (1 - MAX_LOST) * out) throw new Error(`${out - back} of ${out} datagrams were lost; ${BUSY_MACHINE}`);
}
