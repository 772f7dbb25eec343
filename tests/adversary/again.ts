/** The adversary's part where channels are joined again: it cuts its own, and handles the connections that follow. */
import { REJOIN } from "../../src/wire/rejoin.ts";
import { concat } from "../../src/wire/concat.ts";
import { GREETING_LENGTH } from "../../src/wire/greeting.ts";
import type { Wire } from "./lane.ts";
import { sharesBegin } from "./steps.ts";

/** Lengths in bytes of REJOIN, of REJOINED, and of a refusal. */
export const REJOIN_LENGTH = 42, REJOINED_LENGTH = 25, REFUSED_LENGTH = 2;

/** Offset of the count in REJOIN and in REJOINED, in bytes. */
export const REJOIN_COUNT_AT = 18, REJOINED_COUNT_AT = 1;

/** Place and manner in which a connection is cut. */
export interface Cut {
  /** Null cuts while nothing passes. */
  readonly direction: "up" | "down" | null;
  /** Number of bytes that still pass in that direction. */
  readonly at: number;
  readonly how: "reset" | "close" | "half-close" | "silence";
}

/** A connection that joins a channel again. */
export interface Again {
  readonly wire: Wire;
  /** Number of such connections of its channel before it. */
  readonly round: number;
}

/** Replaces a message or a piece of bytes. */
type Replace = (bytes: Uint8Array, again: Again) => Uint8Array[] | Promise<Uint8Array[]>;

/** An attack on joining again. */
export interface AgainPart {
  /** Cuts the first connection. */
  readonly cut: Cut;
  /** Cuts all that follow, too. */
  readonly always?: true;
  /** Runs before anything passes on a connection that follows. */
  readonly connected?: (again: Again) => void | Promise<void>;
  readonly greeting?: Replace;
  readonly request?: Replace;
  readonly answer?: Replace;
  /** Replaces the first piece behind REJOIN or REJOINED. */
  readonly up?: Replace;
  readonly down?: Replace;
}

const pass: Replace = (bytes) => [bytes];

/** Cuts a connection. */
export async function cut({ up, down, adversary, ...wire }: Wire, how: Cut["how"]): Promise<never> {
  adversary.acted++;
  if (how === "half-close") await Promise.all([up.to.closeWrite(), down.to.closeWrite()]).catch(() => {});
  for (const one of [wire.toClient, wire.toServer]) {
    if (how === "reset") one.reset();
    if (how === "close") one.close();
  }
  return await adversary.never();
}

/** Relays a connection until it is cut. */
function cuts(wire: Wire, { direction, at, how }: Cut): void {
  if (direction === null) return;
  let passed = 0;
  wire[direction].through = async (bytes) => {
    const left = at - passed;
    passed += bytes.length;
    if (bytes.length < left) return [bytes];
    await wire[direction].give([bytes.subarray(0, left)]);
    return await cut(wire, how);
  };
}

/** Replaces the first piece that passes. */
function replacesFirst(again: Again, direction: "up" | "down", replace: Replace | undefined): void {
  if (replace === undefined) return;
  const lane = again.wire[direction];
  lane.through = (bytes) => {
    again.wire.adversary.acted++;
    lane.through = (bytes) => [bytes];
    return replace(bytes, again);
  };
}

/**
 * Relays a connection of a client.
 *
 * @param first The channel's first connection; null if this is it.
 * @param part Null on a channel that is not attacked.
 * @param round Number of connections that joined the channel again before this one.
 * @returns False if it joins the channel again.
 */
export async function relayAgain(
  wire: Wire,
  { first, part, round }: { first: Wire | null; part: AgainPart | null; round: () => number },
): Promise<boolean> {
  const { up, down } = wire, again = { wire, round: round() };
  if (first !== null) await part?.connected?.(again);
  const greeting = await down.take(GREETING_LENGTH);
  await down.give(first === null ? [greeting] : await (part?.greeting ?? pass)(greeting, again));
  const type = await up.take(1);
  if (type[0] !== REJOIN) {
    if (first === null && part !== null) cuts(wire, part.cut);
    await up.give([type]);
    await Promise.all([up.run([], ({ bytes }) => [bytes]), down.run([], ({ bytes }) => [bytes])]);
    return true;
  }
  const request = concat([type, await up.take(REJOIN_LENGTH - 1)]);
  await up.give(await (part?.request ?? pass)(request.slice(), again));
  const head = await down.take(1);
  const answer = concat([head, await down.take((head[0] === REJOIN ? REJOINED_LENGTH : REFUSED_LENGTH) - 1)]);
  await down.give(await (part?.answer ?? pass)(answer.slice(), again));
  if (first !== null && head[0] === REJOIN) {
    goesOn(first, wire, "up", countOf(answer, REJOINED_COUNT_AT));
    goesOn(first, wire, "down", countOf(request, REJOIN_COUNT_AT));
  }
  replacesFirst(again, "up", part?.up);
  replacesFirst(again, "down", part?.down);
  if (part?.always) cuts(wire, part.cut);
  await Promise.all([up.run([], ({ bytes }) => [bytes]), down.run([], ({ bytes }) => [bytes])]);
  return false;
}

/** The count in a message. */
export function countOf(message: Uint8Array, at: number): number {
  return Number(new DataView(message.buffer, message.byteOffset).getBigUint64(at));
}

/** Notes what a connection brings behind what the first one brought, at its place. */
function goesOn(first: Wire, wire: Wire, direction: "up" | "down", count: number): void {
  const { captured } = first[direction], all = concat(captured);
  const begin = sharesBegin(direction, wire.adversary.means.addresses.length);
  captured.splice(0, captured.length, all.subarray(0, begin + count));
  wire[direction].captured = captured;
}
