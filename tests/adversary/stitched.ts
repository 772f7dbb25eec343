/** Evidence where channels were joined again: each side's connections of a channel as the one stream that they carry. */
import { REJOIN } from "../../src/wire/rejoin.ts";
import { GREETING_LENGTH } from "../../src/wire/greeting.ts";
import { countOf, REJOIN_COUNT_AT, REJOIN_LENGTH, REJOINED_COUNT_AT, REJOINED_LENGTH } from "./again.ts";
import type { Evidence } from "./evidence.ts";
import { sharesBegin } from "./steps.ts";
import type { Seen } from "./witness.ts";

/** Evidence to judge as if no channel had broken, and the violations of what its connections have to be. */
export interface Stitched {
  readonly evidence: Evidence;
  readonly wrong: readonly string[];
}

/** A connection that joined a channel again, as its owner saw it. */
interface Joined {
  /** The owner's count. */
  readonly own: number;
  /** The other side's count. */
  readonly other: number;
  readonly read: Uint8Array;
  readonly written: Uint8Array;
}

/**
 * Puts the connections of each channel together, of the clients that are attacked. Only a client's first association is joined
 * again, as only that is attacked.
 *
 * Each side must state the number of bytes that it has read, and send again exactly the bytes that it has sent before.
 */
export function stitch(evidence: Evidence): Stitched {
  const wrong: string[] = [], seen: Seen[] = [], firsts = new Map<string, Seen>(), numbers = new Map<string, number>();
  const { channels } = evidence;
  wrong.push(...authentic(evidence));
  for (const one of evidence.seen) {
    const isServer = one.owner === "server", { channel } = one.place;
    const request = (isServer ? one.read : one.written).bytes;
    const key = `${one.owner}.${channel}`;
    if (!isServer && request.length === 0 && firsts.has(key)) continue;
    if (request[0] !== REJOIN) {
      const association = numbers.get(key) ?? 0;
      if (!isServer) numbers.set(key, association + 1);
      const first = isServer ? one : { ...one, place: { association, channel } };
      seen.push(first);
      if (!isServer && !firsts.has(key)) firsts.set(key, first);
      continue;
    }
    const joined = isServer ? atServer(one) : atClient(one);
    if (joined === null) continue;
    const index = seen.findIndex((first) => isServer ? isFirstAtServer(first, one, seen) : first === firsts.get(key));
    if (index < 0) {
      wrong.push(`${one.owner} joined a channel again that it did not have`);
      continue;
    }
    const first = seen[index]!, down = sharesBegin("down", channels), up = sharesBegin("up", channels);
    const [reads, writes] = isServer ? [up, down] : [down, up];
    if (first.read.length !== reads + joined.own) {
      wrong.push(`${one.owner} states ${joined.own} bytes, and has read ${first.read.length - reads}`);
    }
    const at = writes + joined.other, before = first.written.bytes.subarray(at);
    if (at > first.written.length) wrong.push(`${one.owner} goes on at ${joined.other}, which it has not sent yet`);
    const again = joined.written.subarray(0, before.length);
    if (again.some((byte, i) => byte !== before[i])) wrong.push(`${one.owner} sent other bytes again`);
    const next: Seen = {
      ...first,
      read: first.read.followedBy(joined.read),
      written: first.written.followedBy(joined.written.subarray(before.length)),
      ended: one.ended,
    };
    seen[index] = next;
    if (!isServer) firsts.set(key, next);
  }
  return { evidence: { ...evidence, seen }, wrong };
}

/**
 * Each REJOIN that the server accepts is at its channel's address, and of a later attempt than those before; each REJOINED that
 * a client accepts was sent to it.
 */
function authentic({ seen }: Evidence): string[] {
  const channelOf = new Map<string, number>(), attempts = new Map<string, number>(), answers = new Set<string>();
  const wrong: string[] = [];
  const handleOf = (request: Uint8Array) => request.subarray(1, REJOIN_COUNT_AT - 1).toHex();
  for (const { owner, place, written } of seen) {
    if (owner !== "server" && written.bytes[0] === REJOIN) channelOf.set(handleOf(written.bytes), place.channel);
  }
  for (const one of seen) {
    if (one.owner !== "server" || one.read.bytes[0] !== REJOIN || atServer(one) === null) continue;
    const request = one.read.bytes, handle = handleOf(request), attempt = request[REJOIN_COUNT_AT - 1]!;
    answers.add(one.written.bytes.subarray(GREETING_LENGTH, GREETING_LENGTH + REJOINED_LENGTH).toHex());
    if (channelOf.get(handle) !== one.place.channel) wrong.push("a channel was joined again at another one's address");
    if (attempt <= (attempts.get(handle) ?? -1)) wrong.push(`attempt ${attempt} was accepted behind a later one`);
    attempts.set(handle, attempt);
  }
  for (const { owner, read, written } of seen) {
    if (owner === "server" || written.bytes[0] !== REJOIN || written.length <= REJOIN_LENGTH) continue;
    const answer = read.bytes.subarray(GREETING_LENGTH, GREETING_LENGTH + REJOINED_LENGTH).toHex();
    if (!answers.has(answer)) wrong.push(`${owner} sent shares without the server's answer`);
  }
  return wrong;
}

/** A connection as the server saw it; null if it did not let it join a channel. */
function atServer({ read, written }: Seen): Joined | null {
  const answer = written.bytes.subarray(GREETING_LENGTH);
  if (answer.length < REJOINED_LENGTH || answer[0] !== REJOIN) return null;
  return {
    own: countOf(answer, REJOINED_COUNT_AT),
    other: countOf(read.bytes, REJOIN_COUNT_AT),
    read: read.bytes.subarray(REJOIN_LENGTH),
    written: answer.subarray(REJOINED_LENGTH),
  };
}

/** A connection as a client saw it; null if it went no further than the answer. */
function atClient({ read, written }: Seen): Joined | null {
  const answer = read.bytes.subarray(GREETING_LENGTH);
  if (answer.length < REJOINED_LENGTH || answer[0] !== REJOIN) return null;
  const more = written.bytes.subarray(REJOIN_LENGTH);
  if (more.length === 0 && answer.length === REJOINED_LENGTH) return null;
  return {
    own: countOf(written.bytes, REJOIN_COUNT_AT),
    other: countOf(answer, REJOINED_COUNT_AT),
    read: answer.subarray(REJOINED_LENGTH),
    written: more,
  };
}

/** True for the server's first connection of the channel on the attacked association: all others are of a bystander. */
function isFirstAtServer(first: Seen, one: Seen, seen: readonly Seen[]): boolean {
  if (first.owner !== "server" || first.place.channel !== one.place.channel) return false;
  const attacked = seen.filter(({ owner, place }) => owner === "server" && place.channel === one.place.channel);
  // The bystander's association came first.
  return attacked.indexOf(first) === 1;
}
