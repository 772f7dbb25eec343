/** Sides of an association: real ones with streams, whose receivers record, and ones played by hand. */
import "../support/system/native.ts";
import { assertEquals } from "@std/assert";
import type { Association } from "../../src/association/association.ts";
import type { Chunk } from "../../src/net/chunk.ts";
import { CreditBudget } from "../../src/streams/credit_budget.ts";
import { Multiplexer } from "../../src/streams/multiplexer.ts";
import type { MultiplexerOptions } from "../../src/streams/multiplexer_options.ts";
import type { Piece } from "../../src/streams/piece.ts";
import { DATA_LEAD } from "../../src/streams/record_packer.ts";
import type { Outbox } from "../../src/streams/outbox.ts";
import { Stream, type StreamReceiver } from "../../src/streams/stream.ts";
import { concat } from "../../src/wire/concat.ts";
import type { Open } from "../../src/wire/open.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { FramePeer } from "../support/handlers/frame_peer.ts";
import { associatedPair, type Pair } from "../support/handlers/pair.ts";
import { OPEN, streamsOptions } from "../support/handlers/session_pair.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";

/** Records what arrives on a stream. */
export class Receiver implements StreamReceiver {
  stream!: Stream;
  /** In order: `answered`, `ended`, and the message of a failure. */
  readonly events: string[] = [];
  /** Lengths of the pieces that arrived. */
  readonly lengths: number[] = [];
  readonly #pieces: Uint8Array[] = [];
  #waiting = 0;

  /** @param reads True if the application takes everything at once. */
  constructor(readonly reads = true) {}

  /** All bytes so far. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return concat(this.#pieces);
  }

  /** Number of bytes that the application has not taken. */
  get waiting(): number {
    return this.#waiting;
  }

  answered(): void {
    this.events.push("answered");
  }

  data(bytes: Uint8Array, _record: Chunk): void {
    this.#pieces.push(bytes.slice());
    this.lengths.push(bytes.length);
    this.#waiting += bytes.length;
    if (this.reads) this.take();
  }

  ended(): void {
    this.events.push("ended");
  }

  failed(error: Error): void {
    this.events.push(error.message);
  }

  /** Takes bytes as an application does, all by default. */
  take(length = this.#waiting): void {
    this.#waiting -= length;
    this.stream.taken(length);
  }
}

/** A real side. */
export interface Side {
  readonly streams: Multiplexer;
  readonly association: Association;
  readonly budget: CreditBudget;
  readonly counters: { refusedRecords: number; creditWaits: number };
  /** Receivers of the streams that were opened, by number minus 1. */
  readonly receivers: Receiver[];
}

/** Options of a side. */
export interface SideOptions extends Partial<MultiplexerOptions> {
  /** On a server: creates the receiver of a stream. */
  readonly receiver?: () => Receiver;
}

/** The client's or the server's side of an association. */
export function sideOf(association: Association, clock: FakeClock, isServer: boolean, options: SideOptions = {}): Side {
  const { receiver = () => new Receiver(), ...rest } = options;
  const budget = options.budget ?? new CreditBudget(), receivers: Receiver[] = [];
  const counters = { refusedRecords: 0, creditWaits: 0, padding: 0 };
  const opened = (stream: Stream, _open: Open) => {
    const made = stream.receiver = receiver();
    made.stream = stream;
    receivers.push(made);
  };
  const streams = new Multiplexer(
    association,
    streamsOptions(clock, { budget, counters, maxStreams: () => 4096, ...rest, ...isServer && { opened } }),
  );
  return { streams, association, budget, counters, receivers };
}

/** Opens a stream on a client's side. */
export function open({ streams, receivers }: Side, receiver = new Receiver()): Stream {
  const stream = streams.open(OPEN, receiver);
  receiver.stream = stream;
  receivers.push(receiver);
  return stream;
}

/** A real side and a peer played by hand. */
export interface ByHand extends Pair {
  readonly side: Side;
  readonly peer: FramePeer;
  readonly finish: () => Promise<void>;
}

/** A real client or server against a peer that is played by hand. */
export async function byHand(role: "client" | "server", options: SideOptions = {}): Promise<ByHand> {
  const pair = await associatedPair(2);
  const other = role === "client" ? "server" : "client";
  const side = sideOf(pair[role], pair.clock, role === "server", options), peer = new FramePeer(pair[other]);
  return { ...pair, side, peer, finish: () => finish(pair, side) };
}

/** Both real sides. */
export interface Both extends Pair {
  readonly up: Side;
  readonly down: Side;
  readonly finish: () => Promise<void>;
}

/** A real client and a real server. @param short True for short shares. */
export async function bothSides(
  options: SideOptions = {},
  network = new MemoryNetwork(),
  short = false,
): Promise<Both> {
  const pair = await associatedPair(2, network, network, { short });
  const up = sideOf(pair.client, pair.clock, false, options), down = sideOf(pair.server, pair.clock, true, options);
  return { ...pair, up, down, finish: () => finish(pair, up, down) };
}

async function finish({ client, server, network, clock }: Pair, ...sides: Side[]): Promise<void> {
  client.end();
  server.end();
  await settle();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
  for (const { streams } of sides) assertEquals([streams.size, streams.usable], [0, false]);
}

/** Sends a piece on a stream. @returns Settles when it has left, or the stream has failed. */
export function sendPiece(stream: Stream, piece: Piece): Promise<void> {
  return new Promise((left, failed) => stream.send(piece, { left: () => left(), failed }));
}

/** Half-closes a stream. @returns Settles when END has left. */
export function end(stream: Stream): Promise<void> {
  return new Promise((left, failed) => stream.end({ left: () => left(), failed }));
}

/** Sends bytes likewise. */
export function send(stream: Stream, bytes: Uint8Array): Promise<void> {
  const buffer = concat([new Uint8Array(DATA_LEAD), bytes]);
  return sendPiece(stream, { buffer, start: DATA_LEAD, length: bytes.length });
}

/** A server's stream that sends through an outbox without a multiplexer. */
export function streamOn(outbox: Outbox, clock: FakeClock, number: number, maxCredit = 65_536): Stream {
  const stream = new Stream(number, {
    push: (frame, soon) => outbox.push(frame, soon),
    ready: (stream, soon) => outbox.ready(stream, soon),
    whenLeft: (left) => outbox.whenLeft(left),
    over: () => {},
    waits: () => {},
    bulk: () => {},
    clock,
    budget: new CreditBudget(),
    maxCredit: () => maxCredit,
  }, false);
  stream.receiver = new Receiver();
  return stream;
}

/** Lets everything happen that needs no time. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 8; i++) await settle();
}
