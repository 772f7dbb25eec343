/** The evidence of a cell, for the invariants to check. */
import { associateLength } from "../../src/wire/associate.ts";
import { Chunk } from "../../src/net/chunk.ts";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordDecoder } from "../../src/records/record_decoder.ts";
import { RecordReader } from "../../src/records/record_reader.ts";
import { ShortJoiner } from "../../src/short/joiner.ts";
import { concat } from "../../src/wire/concat.ts";
import { GREETING_LENGTH } from "../../src/wire/greeting.ts";
import type { Line } from "../support/handlers/handlers_in_memory.ts";
import { taken } from "../support/network/chunks.ts";
import type { Adversary } from "./adversary.ts";
import { type Said, sharesBegin } from "./steps.ts";
import type { Seen } from "./witness.ts";

/** An application's or a target's end of a session. */
export interface Party {
  readonly kind: "application" | "target";
  /** The requested port. */
  readonly port: number;
  /** Everything that it intends to send. */
  readonly says: Uint8Array;
  /** Set once it has sent everything and half-closed. */
  said: boolean;
  heard: Uint8Array;
  /** The end of its input; null if it did not end. */
  end: "in order" | "reset" | null;
}

/** All observations of a cell. */
export interface Evidence {
  readonly channels: number;
  /** Index of the channel that the adversary does not own; null if it owns all. */
  readonly honest: number | null;
  /** True if shares are short. */
  readonly short: boolean;
  /** Lengths of the pieces that are said. */
  readonly said: Said;
  readonly adversary: Adversary;
  /** The honest parties' connections. */
  readonly seen: readonly Seen[];
  readonly parties: readonly Party[];
  readonly serverLines: readonly Line[];
  readonly clientLines: readonly Line[];
  /** Failures of the client that was not attacked. */
  readonly disturbed: readonly string[];
  /** Set if a stranger may have sessions of its own. */
  readonly stranger: boolean;
  /** Resources still in use after all timeouts. */
  readonly left: { readonly connections: number; readonly openEnds: number; readonly timers: number };
}

/** A client's side of an association or an attempted one. */
export interface ClientSide {
  /** Ordered by channel. */
  readonly ends: readonly Seen[];
  /** In hexadecimal; null if it was not sent. */
  readonly list: string | null;
  /** Set if it has sent a share, or tried to, on any channel. */
  readonly shares: boolean;
}

/** Every client's attempts. */
export function clientSides({ seen, channels }: Evidence): ClientSide[] {
  const sides = new Map<string, Seen[]>();
  for (const one of seen) {
    if (one.owner === "server") continue;
    const name = `${one.owner}.${one.place.association}`;
    sides.set(name, [...sides.get(name) ?? [], one]);
  }
  const length = associateLength(channels);
  return [...sides.values()].map((unsorted) => {
    const ends = unsorted.toSorted((a, b) => a.place.channel - b.place.channel);
    const lists = ends.map(({ written }) => written.bytes.subarray(0, length)).filter((list) => list.length === length);
    const shares = ends.some(({ written }) => written.reached(length + 1) < Infinity);
    return { ends, list: lists[0]?.toHex() ?? null, shares };
  });
}

/** The server's end of a connection without an interposer. */
export function farEnd({ seen }: Evidence, near: Seen): Seen | undefined {
  return seen.find((one) => one.owner === "server" && one.connection.remote.port === near.connection.local.port);
}

/** The list that the server has confirmed on a connection, in hexadecimal; null if none. */
export function confirmed({ written }: Seen): string | null {
  const reply = written.bytes.subarray(GREETING_LENGTH);
  return reply[0] === 1 ? reply.subarray(0, associateLength(reply[3]!)).toHex() : null;
}

/** The server's ends of the association that confirmed a list, in the list's order. */
export function serverSide({ seen }: Evidence, list: string): Seen[] {
  const cookieAt = ({ written }: Seen) => list.indexOf(written.bytes.subarray(6, GREETING_LENGTH).toHex());
  return seen.filter((one) => one.owner === "server" && confirmed(one) === list)
    .toSorted((a, b) => cookieAt(a) - cookieAt(b));
}

/** Joins the shares of all channels from offset `begin` on into message bytes. */
export function joined(streams: readonly Uint8Array[], begin: number): Uint8Array {
  if (streams.length === 0) return new Uint8Array(0);
  const message = new Uint8Array(Math.max(0, Math.min(...streams.map(({ length }) => length)) - begin));
  for (const stream of streams) for (let i = 0; i < message.length; i++) message[i]! ^= stream[begin + i]!;
  return message;
}

/** Joins the short shares of all channels from offset `begin` on into message bytes, as far as whole bodies have come. */
export function joinedShort(streams: readonly Uint8Array[], begin: number): Uint8Array {
  if (streams.length === 0) return new Uint8Array(0);
  const pieces: Uint8Array[] = [], joiner = new ShortJoiner(streams.length, (chunk) => void pieces.push(taken(chunk)));
  const end = Math.min(...streams.map(({ length }) => length));
  joiner.join(streams.map((stream) => stream.slice(begin, Math.max(begin, end))));
  joiner.close();
  return concat(pieces);
}

/** The bodies of the records in message bytes, up to the first that is not whole and right. */
export function bodiesOf(message: Uint8Array): Uint8Array[] {
  const reader = new RecordReader(new RecordDecoder());
  const bodies: Uint8Array[] = [];
  reader.push(new Chunk(message, () => {}));
  try {
    for (let body = reader.next(); body !== null; body = reader.next()) bodies.push(body.bytes);
  } catch {
    // The reader refuses the rest.
  }
  return bodies;
}

/** The lengths of the parts of message bytes (docs/RECORDS.md): KEY, then the head and the body of each record. */
export function partsOf(message: Uint8Array): number[] {
  return [KEY_LENGTH, ...bodiesOf(message).flatMap(({ length }) => [RECORD_HEAD_LENGTH, length])];
}

/** One direction of an association, as its sender sent it and its receiver read it. */
export interface Direction {
  readonly name: "up" | "down";
  /** The message bytes sent. */
  readonly sent: Uint8Array;
  /** The message bytes read, as far as they came on all channels. */
  readonly taken: Uint8Array;
  /** The receiver's log. */
  readonly lines: readonly Line[];
}

/** Both directions of a client's association. */
export function directions(evidence: Evidence, side: ClientSide): Direction[] {
  const { channels, clientLines, serverLines } = evidence, join = evidence.short ? joinedShort : joined;
  const server = serverSide(evidence, side.list!);
  const of = (ends: readonly Seen[], way: "read" | "written", name: "up" | "down") =>
    join(ends.map((end) => end[way].bytes), sharesBegin(name, channels));
  return [
    { name: "up", sent: of(side.ends, "written", "up"), taken: of(server, "read", "up"), lines: serverLines },
    { name: "down", sent: of(server, "written", "down"), taken: of(side.ends, "read", "down"), lines: clientLines },
  ];
}
