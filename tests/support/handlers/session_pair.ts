/** Both handlers' parts of sessions over one in-memory association; the test plays the application and the target. */
import { assertEquals } from "@std/assert";
import type { Connection } from "../../../src/net/connection.ts";
import { Frames } from "../../../src/session/frames.ts";
import type { Traffic } from "../../../src/session/relay.ts";
import { PendingRequests, relay, request } from "../../../src/session/session.ts";
import { type Frame, FrameType, ResultCode } from "../../../src/wire/frame.ts";
import { settle } from "../time/fake_clock.ts";
import { MemoryNetwork } from "../network/memory_network.ts";
import { applicationPair, associatedPair, type Pair } from "./pair.ts";

/** An association and the network around it. */
export interface SessionPair extends Pair {
  readonly clientFrames: Frames;
  readonly serverFrames: Frames;
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

/** Two handlers with an association between them. */
export async function sessionPair(
  channels = 3,
  network?: MemoryNetwork,
  outside = new MemoryNetwork(),
): Promise<SessionPair> {
  const pair = await associatedPair(channels, network);
  return { ...pair, clientFrames: new Frames(pair.client), serverFrames: new Frames(pair.server), outside };
}

/** Receives a frame of the expected type. */
export async function due<T extends FrameType>(frames: Frames, type: T): Promise<Extract<Frame, { readonly type: T }>> {
  const frame = await frames.receive();
  assertEquals(frame?.type, type);
  return frame as Extract<Frame, { readonly type: T }>;
}

/** Runs the client handler's part. */
export function ask(
  pair: SessionPair,
  inside: Connection,
  traffic: Traffic = { sent: 0, received: 0 },
  port = 80,
  pending = new PendingRequests(),
): Promise<Error | null> {
  const open = { destination: { kind: "port", port } } as const;
  return outcome(request(open, inside, pair.clientFrames, { traffic, clock: pair.clock, pending }));
}

/** Runs the server handler's part: receives an OPEN, accepts it, and relays. */
export async function serve(
  pair: SessionPair,
  inside: Connection,
  traffic: Traffic = { sent: 0, received: 0 },
): Promise<Error | null> {
  const { serverFrames: frames, clock } = pair;
  return await outcome((async () => {
    try {
      await due(frames, FrameType.Open);
    } catch (error) {
      // As Service does.
      inside.reset();
      frames.association.end();
      throw error;
    }
    const answered = frames.send((encoder) => encoder.result(ResultCode.Ok));
    await relay(inside, frames, { traffic, answered, clock });
  })());
}

/** Starts a session. */
export async function startSession(pair: SessionPair): Promise<Session> {
  const [application, clientInside] = await applicationPair(pair.outside);
  const [target, serverInside] = await applicationPair(pair.outside);
  const [up, down] = [{ sent: 0, received: 0 }, { sent: 0, received: 0 }];
  return {
    application,
    target,
    up,
    down,
    client: ask(pair, clientInside, up),
    server: serve(pair, serverInside, down),
  };
}

/** Closes `held`, and checks that nothing is left open. */
export async function finishPair(pair: SessionPair, ...held: Connection[]): Promise<void> {
  for (const connection of held) connection.close();
  pair.client.end();
  pair.server.end();
  await settle();
  assertEquals([pair.network.openEnds, pair.outside.openEnds, pair.clock.pending], [0, 0, 0]);
}

function outcome(work: Promise<void>): Promise<Error | null> {
  return work.then(() => null, (error) => error instanceof Error ? error : new Error(`not an error: ${error}`));
}
