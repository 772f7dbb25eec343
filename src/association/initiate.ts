import type { Address } from "../net/address.ts";
import { type Connection, type Network, readFull, writeAll } from "../net/connection.ts";
import { connectInTurn } from "../net/names/dial.ts";
import { requirePlainTcp } from "../net/listen/plain_tcp.ts";
import { limitInSeconds } from "../text/format.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { deadline } from "../time/deadline.ts";
import {
  associationId,
  cookieKey,
  decodeAssociateReply,
  encodeAssociate,
  INTERPOLATION,
  NO_COOKIE,
  SHORT,
  XOR,
} from "../wire/associate.ts";
import { decodeFrom, WireError } from "../wire/decoder.ts";
import { decodeGreeting } from "../wire/greeting.ts";
import { Association } from "./association.ts";
import { ChannelError, channelsOf } from "./channel_error.ts";
import type { Sharing } from "./association_options.ts";
import { ChannelReader } from "./channel_reader.ts";
import { HandshakeRefused, HandshakeTimeout } from "./outcome.ts";

/** Default time limit of a handshake, in milliseconds, from the first connection attempt. */
export const HANDSHAKE_TIMEOUT = 5000;

/** Options of {@linkcode initiate}. */
export interface InitiateOptions extends Sharing {
  /** Makes the connections. */
  readonly network: Network;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Time limit, in milliseconds. Default: {@linkcode HANDSHAKE_TIMEOUT}. */
  readonly timeout?: number;
  /** Number of shares that suffice, at least 2 and fewer than channels. Default: all are needed. */
  readonly threshold?: number;
  /** Further hosts for each channel, all different, to try in order if its address accepts no connection. Default: none. */
  readonly alternatives?: readonly (readonly string[])[];
  /** Cancels the handshake. */
  readonly signal?: AbortSignal;
}

/** Time that further channels get, once enough have done a step, in milliseconds. */
const GRACE = 1000;

/** Time that a handshake gets at least before it is tried without another channel, in milliseconds. */
const MIN_ATTEMPT = 750;

/**
 * The client's side of the association handshake (paper, section III-D; docs/PROTOCOL.md 2): connects to all addresses
 * concurrently, collects the cookies, sends the complete list on every channel, and waits for its exact echo on every
 * channel. Thus no share leaves before the honest channel, whichever it is, has confirmed the list in both directions.
 *
 * With a threshold, channels that fail or take long are left out, if enough remain; they may join the association later.
 *
 * @param addresses The server handler's address on each channel; at least two.
 * @returns The association; the caller owns it.
 * @throws {ChannelError} When a channel fails that is needed, brings anything but the echo, or exceeds the time limit. All
 * connections are closed by then.
 */
export async function initiate(addresses: readonly Address[], options: InitiateOptions): Promise<Association> {
  const { clock = systemClock, timeout = HANDSHAKE_TIMEOUT, threshold = addresses.length } = options;
  const until = clock.now() + timeout, failed = new Set<number>();
  // Not the same one in each handshake, as there may not be time for all.
  const first = Math.floor(Math.random() * addresses.length);
  for (let guess = 0;; guess++) {
    const left = until - clock.now(), spare = addresses.length - threshold - failed.size;
    // A channel on which nothing comes is hard to tell from those that wait for it: each is left out in turn.
    const without = guess > 0 && spare > 0 ? new Set([...failed, (first + guess) % addresses.length]) : failed;
    const limit = spare > 0 ? Math.min(left, Math.max(MIN_ATTEMPT, left / (addresses.length + 1 - guess))) : left;
    try {
      return await associate(addresses, without, { ...options, timeout: limit });
    } catch (error) {
      const retryable = error instanceof ChannelError && !options.signal?.aborted && clock.now() < until;
      if (!retryable || spare === 0) throw error;
      const { index, cause } = error;
      if (cause instanceof HandshakeRefused && cause.conclusive) throw error;
      if (!(cause instanceof HandshakeTimeout || cause instanceof HandshakeRefused) && !without.has(index)) {
        failed.add(index);
        guess = -1;
      } else if (guess >= addresses.length) throw error;
    }
  }
}

/** Tries a handshake once. @param without Indexes of channels that are left out. */
async function associate(
  addresses: readonly Address[],
  without: ReadonlySet<number>,
  options: InitiateOptions,
): Promise<Association> {
  const { network, clock = systemClock, timeout = HANDSHAKE_TIMEOUT, threshold = addresses.length } = options;
  const scheme = threshold < addresses.length ? INTERPOLATION : options.short === true ? SHORT : XOR;
  const connections: Connection[] = [];
  /** Indexes of the channels that take part. */
  let present = [...addresses.keys()].filter((index) => !without.has(index));
  /** Channels that have not completed the current step; to blame if the time runs out. */
  const lacking = new Set<number>();
  /** Cookies of the channels on which the greeting has arrived. */
  const greeted = new Map<number, Uint8Array>();
  let culprit: number | undefined;

  const timedOut = (): HandshakeTimeout => {
    const waiting = [...lacking].sort((a, b) => a - b);
    // The server handler answers on no channel until all have brought it the list: blame those whose paths have stopped.
    const stopped = waiting.filter((index) => connections[index]?.stalled === true);
    const [first, ...others] = stopped.length > 0 ? stopped : waiting;
    culprit = first;
    const nor = others.length > 0 ? `, nor from ${channelsOf(others)}` : "";
    return new HandshakeTimeout(`no answer within ${limitInSeconds(timeout)}${nor}`);
  };
  using limit = deadline(clock, timeout, { reason: timedOut, signal: options.signal });
  const { signal } = limit;
  signal.addEventListener("abort", () => connections.forEach((connection) => connection.close()));

  const failure = (index: number, cause: unknown): ChannelError => {
    const reached = greeted.has(index) ? "greeting" : connections[index] === undefined ? "nothing" : "connection";
    const answered = greeted.size - Number(greeted.has(index));
    return new ChannelError(index, addresses[index]!, cause, { reached, others: present.length - 1, answered });
  };

  /** Runs a step on all channels concurrently; the first failure ends the step, and names its channel. */
  const onEvery = <T>(step: (index: number) => Promise<T>): Promise<T>[] =>
    present.map(async (index) => {
      lacking.add(index);
      try {
        const value = await step(index);
        lacking.delete(index);
        signal.throwIfAborted();
        return value;
      } catch (cause) {
        throw failure(culprit ?? index, signal.aborted ? signal.reason : cause);
      }
    });

  try {
    signal.throwIfAborted();
    const greetings = onEvery(async (index) => {
      const address = addresses[index]!;
      const others = options.alternatives?.[index]?.map((host) => ({ ...address, host })) ?? [];
      const connection = await connectInTurn([address, ...others], { network, clock, timeout, signal });
      connections[index] = connection;
      if (signal.aborted || !present.includes(index)) connection.close();
      requirePlainTcp(connection);
      const cookie = await decodeFrom(decodeGreeting(), (into) => readFull(connection, into));
      greeted.set(index, cookie);
    });
    await enough(greetings, threshold, clock);
    const absent = present.filter((index) => !greeted.has(index));
    present = present.filter((index) => greeted.has(index));
    for (const index of absent) {
      lacking.delete(index);
      connections[index]?.close();
    }
    const cookies = addresses.map((_, index) => greeted.get(index) ?? NO_COOKIE);
    const keys = cookies.map(cookieKey);
    const repeated = present.find((index) => keys.indexOf(keys[index]!) < index);
    if (repeated !== undefined) {
      const original = keys.indexOf(keys[repeated]!);
      throw failure(repeated, new WireError(`its cookie is that of channel ${original + 1}`));
    }

    const list = encodeAssociate({ scheme, threshold, cookies });
    await Promise.all(onEvery((index) => writeAll(connections[index]!, list)));
    const inconclusive: ChannelError[] = [];
    await Promise.all(onEvery(async (index) => {
      const fill = (into: Uint8Array) => readFull(connections[index]!, into);
      const reply = await decodeFrom(decodeAssociateReply(cookies.length), fill);
      if (reply.kind === "refused") {
        const refused = new HandshakeRefused(reply.reason, scheme);
        if (refused.conclusive) throw refused;
        inconclusive.push(failure(index, refused));
        return;
      }
      if (!list.every((byte, at) => byte === reply.bytes[at])) {
        throw new WireError("the server handler confirmed a different list: the channel was tampered with");
      }
    }));
    if (inconclusive.length > 0) throw inconclusive[0];
    const readers = addresses.map((_, index) =>
      present.includes(index) ? new ChannelReader(connections[index]!) : null
    );
    const association = new Association(associationId(cookies), readers, addresses, options);
    association.list = list;
    return association;
  } catch (error) {
    limit.abort(error);
    throw error;
  }
}

/**
 * Waits until all promises have settled; if `needed` resolve that are fewer than all, the others get no more than
 * {@linkcode GRACE}.
 *
 * @throws The first error if too many fail.
 */
async function enough(promises: readonly Promise<unknown>[], needed: number, clock: Clock): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let done = 0, settled = 0, errors = 0, first: unknown, cancel: (() => void) | null = null;
  const look = (): void => {
    if (promises.length - errors < needed) reject(first);
    else if (settled === promises.length) resolve();
    else if (done >= needed && needed < promises.length) cancel ??= clock.after(GRACE, resolve);
  };
  for (const one of promises) {
    one.then(() => done++, (error) => first = errors++ === 0 ? error : first).then(() => {
      settled++;
      look();
    });
  }
  await promise.finally(() => cancel?.());
}
