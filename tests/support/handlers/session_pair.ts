/** Both handlers' parts of sessions over one in-memory association; the test plays applications and targets. */
import { assertEquals } from "@std/assert";
import type { Association } from "../../../src/association/association.ts";
import type { Connection } from "../../../src/net/connection.ts";
import { Incoming } from "../../../src/session/incoming.ts";
import { Outgoing } from "../../../src/session/outgoing.ts";
import { relay, request, Requested, type RequestOptions } from "../../../src/session/session.ts";
import type { Traffic } from "../../../src/session/traffic.ts";
import { CreditBudget } from "../../../src/streams/credit_budget.ts";
import { Multiplexer } from "../../../src/streams/multiplexer.ts";
import type { MultiplexerOptions, StreamCounters } from "../../../src/streams/multiplexer_options.ts";
import type { Stream } from "../../../src/streams/stream.ts";
import { ResultCode } from "../../../src/wire/frame.ts";
import type { Open } from "../../../src/wire/open.ts";
import type { Clock } from "../../../src/time/clock.ts";
import { settle } from "../time/fake_clock.ts";
import { MemoryNetwork } from "../network/memory_network.ts";
import { applicationPair, associatedPair, type Pair } from "./pair.ts";

/** A stream that a client has opened, as the server handler's part sees it. */
export interface Opened {
  readonly stream: Stream;
  readonly open: Open;
  readonly incoming: Incoming;
  readonly traffic: Traffic;
}

/** An association with streams, and the network around it. */
export interface SessionPair extends Pair {
  readonly clientStreams: Multiplexer;
  readonly serverStreams: Multiplexer;
  /** Takes the next stream that the client opens, or has opened. */
  readonly opened: (traffic?: Traffic) => Promise<Opened>;
  /** The network of applications and targets. */
  readonly outside: MemoryNetwork;
}

/** A session and each side's outcome: null for an orderly end, otherwise the error. */
export interface Session {
  /** The application's end of its connection. */
  readonly application: Connection;
  /** The target's end of its connection. */
  readonly target: Connection;
  readonly up: Traffic;
  readonly down: Traffic;
  readonly client: Promise<Error | null>;
  readonly server: Promise<Error | null>;
}

/** A destination for tests. */
export const OPEN: Open = { destination: { kind: "port", port: 80 } };

/** Options of a {@linkcode Multiplexer} for tests; `opened` makes it a server's. */
export function streamsOptions(clock: Clock, options: Partial<MultiplexerOptions> = {}): MultiplexerOptions {
  return {
    clock,
    budget: new CreditBudget(),
    maxCredit: () => 4 * 1024 * 1024,
    counters: { refusedRecords: 0, creditWaits: 0, padding: 0 } satisfies StreamCounters,
    workers: null,
    ...options,
  };
}

/** Two handlers with an association between them. */
export async function sessionPair(
  channels = 3,
  network?: MemoryNetwork,
  outside = new MemoryNetwork(),
  options: Partial<MultiplexerOptions> = {},
): Promise<SessionPair> {
  return sessionsOver(await associatedPair(channels, network), outside, options);
}

/** Both handlers' streams over an association. */
export function sessionsOver(
  pair: Pair,
  outside = new MemoryNetwork(),
  options: Partial<MultiplexerOptions> = {},
): SessionPair {
  const { client, server, clock } = pair;
  const { opened, taken } = openedStreams(server);
  return {
    ...pair,
    clientStreams: new Multiplexer(client, streamsOptions(clock, options)),
    serverStreams: new Multiplexer(server, streamsOptions(clock, { maxStreams: () => 4096, ...options, opened })),
    opened: taken,
    outside,
  };
}

function openedStreams(association: Association) {
  const waiting: Opened[] = [];
  const takers: { readonly traffic: Traffic; readonly take: (opened: Opened) => void }[] = [];
  return {
    opened(stream: Stream, open: Open) {
      const taker = takers.shift();
      const traffic = taker?.traffic ?? { sent: 0, received: 0 };
      const incoming = stream.receiver = new Incoming(traffic);
      const opened = { stream, open, incoming, traffic };
      if (taker === undefined) waiting.push(opened);
      else taker.take(opened);
    },
    async taken(traffic: Traffic = { sent: 0, received: 0 }): Promise<Opened> {
      const opened = waiting.shift();
      if (opened !== undefined) return opened;
      const over = association.over.then(() => {
        throw association.reason ?? new Error("the association ended before an OPEN");
      });
      return await Promise.race([new Promise<Opened>((take) => takers.push({ traffic, take })), over]);
    },
  };
}

/** Runs the client handler's part. */
export function ask(
  { clientStreams }: Pick<SessionPair, "clientStreams">,
  inside: Connection,
  traffic: Traffic = { sent: 0, received: 0 },
  options: Partial<RequestOptions> = {},
): Promise<Error | null> {
  const incoming = new Requested(traffic);
  const stream = clientStreams.open(OPEN, incoming);
  const outgoing = new Outgoing(inside, traffic);
  return outcomeOf(carried(inside, stream, incoming, { outgoing, ...options }));
}

/** Requests a session and relays it. */
export async function carried(
  inside: Connection,
  stream: Stream,
  incoming: Requested,
  options: RequestOptions,
): Promise<void> {
  await request(stream, incoming, options);
  await relay(inside, stream, { incoming, outgoing: options.outgoing });
}

/** Sends an application's bytes. @returns Settles when that is over. */
export function pumped(outgoing: Outgoing, stream: Stream): Promise<void> {
  outgoing.pump(stream);
  return new Promise((ended, failed) => outgoing.observe({ ended, failed }));
}

/** Writes what arrives to an application. @returns Settles when that is over. */
export function taken(incoming: Incoming, stream: Stream, application: Connection): Promise<void> {
  return new Promise((ended, failed) => incoming.run(stream, application, { ended, failed }));
}

/** Runs the server handler's part: takes an OPEN, accepts it, and relays. */
export function serve(pair: SessionPair, inside: Connection, traffic?: Traffic): Promise<Error | null> {
  return outcomeOf((async () => {
    const { stream, incoming, traffic: counted } = await pair.opened(traffic).catch((error) => {
      inside.reset();
      throw error;
    });
    stream.answer(ResultCode.Ok);
    try {
      const outgoing = new Outgoing(inside, counted);
      outgoing.pump(stream);
      await relay(inside, stream, { incoming, outgoing });
    } finally {
      pair.serverStreams.release();
    }
  })());
}

/** Starts a session. */
export async function startSession(pair: SessionPair): Promise<Session> {
  const [application, clientInside] = await applicationPair(pair.outside);
  const [target, serverInside] = await applicationPair(pair.outside);
  const [up, down] = [{ sent: 0, received: 0 }, { sent: 0, received: 0 }];
  const server = serve(pair, serverInside, down);
  return { application, target, up, down, client: ask(pair, clientInside, up), server };
}

/** Closes `held`, and checks that nothing is left open. */
export async function finishPair(pair: SessionPair, ...held: Connection[]): Promise<void> {
  for (const connection of held) connection.close();
  pair.client.end();
  pair.server.end();
  await settle();
  assertEquals([pair.clientStreams.size, pair.serverStreams.size], [0, 0]);
  assertEquals([pair.network.openEnds, pair.outside.openEnds, pair.clock.pending], [0, 0, 0]);
}

/** The outcome of a session: null for an orderly end, otherwise the error. */
export function outcomeOf(work: Promise<void>): Promise<Error | null> {
  return work.then(() => null, (error) => error instanceof Error ? error : new Error(`not an error: ${error}`));
}
