import type { Address } from "../net/address.ts";
import { type Connection, type Network, readFull, writeAll } from "../net/connection.ts";
import { connectInTurn } from "../net/names/dial.ts";
import { requirePlainTcp } from "../net/listen/plain_tcp.ts";
import { xor } from "../sharing/xor.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { deadline } from "../time/deadline.ts";
import { associationId, cookieKey, decodeAssociateReply, encodeAssociate } from "../wire/associate.ts";
import { decodeFrom, WireError } from "../wire/decoder.ts";
import { decodeGreeting } from "../wire/greeting.ts";
import { Association, ChannelError, channelsOf, type Sharing } from "./association.ts";
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
  /** Further hosts for each channel, all different, to try in order if its address accepts no connection. Default: none. */
  readonly alternatives?: readonly (readonly string[])[];
  /** Cancels the handshake. */
  readonly signal?: AbortSignal;
}

/**
 * The client's side of the association handshake (paper, section III-D; docs/PROTOCOL.md 2): connects to all addresses
 * concurrently, collects the cookies, sends the complete list on every channel, and waits for its exact echo on every
 * channel. Thus no share leaves before the honest channel, whichever it is, has confirmed the list in both directions.
 *
 * @param addresses The server handler's address on each channel; at least two.
 * @returns The association; the caller owns it.
 * @throws {ChannelError} When a channel fails, brings anything but the echo, or exceeds the time limit. All connections
 * are closed by then.
 */
export async function initiate(addresses: readonly Address[], options: InitiateOptions): Promise<Association> {
  const { network, clock = systemClock, timeout = HANDSHAKE_TIMEOUT, scheme = xor } = options;
  const connections: Connection[] = [];
  /** Channels that have not completed the current step; to blame if the time runs out. */
  const lacking = new Set<number>();
  /** Channels on which the greeting has arrived. */
  const greeted = new Set<number>();
  let culprit: number | undefined;

  const timedOut = (): HandshakeTimeout => {
    const waiting = [...lacking].sort((a, b) => a - b);
    // The server handler answers on no channel until all have brought it the list: blame those whose paths have stopped.
    const stopped = waiting.filter((index) => connections[index]?.stalled === true);
    const [first, ...others] = stopped.length > 0 ? stopped : waiting;
    culprit = first;
    const nor = others.length > 0 ? `, nor from ${channelsOf(others)}` : "";
    return new HandshakeTimeout(`no answer within ${timeout / 1000} s${nor}`);
  };
  using limit = deadline(clock, timeout, { reason: timedOut, signal: options.signal });
  const { signal } = limit;
  signal.addEventListener("abort", () => connections.forEach((connection) => connection.close()));

  const failure = (index: number, cause: unknown): ChannelError => {
    const reached = greeted.has(index) ? "greeting" : connections[index] === undefined ? "nothing" : "connection";
    const answered = greeted.size - Number(greeted.has(index));
    return new ChannelError(index, addresses[index]!, cause, { reached, others: addresses.length - 1, answered });
  };

  /** Runs a step on all channels concurrently; the first failure ends the step, and names its channel. */
  const onEvery = <T>(step: (index: number) => Promise<T>): Promise<T[]> =>
    Promise.all(addresses.map(async (_, index) => {
      lacking.add(index);
      try {
        const value = await step(index);
        lacking.delete(index);
        signal.throwIfAborted();
        return value;
      } catch (cause) {
        throw failure(culprit ?? index, signal.aborted ? signal.reason : cause);
      }
    }));

  try {
    signal.throwIfAborted();
    const cookies = await onEvery(async (index) => {
      const address = addresses[index]!;
      const others = options.alternatives?.[index]?.map((host) => ({ ...address, host })) ?? [];
      const connection = await connectInTurn([address, ...others], { network, clock, timeout, signal });
      connections[index] = connection;
      if (signal.aborted) connection.close();
      requirePlainTcp(connection);
      const cookie = await decodeFrom(decodeGreeting(), (into) => readFull(connection, into));
      greeted.add(index);
      return cookie;
    });
    const keys = cookies.map(cookieKey);
    const repeated = keys.findIndex((key, index) => keys.indexOf(key) < index);
    if (repeated >= 0) {
      const original = keys.indexOf(keys[repeated]!);
      throw failure(repeated, new WireError(`its cookie is that of channel ${original + 1}`));
    }

    const list = encodeAssociate({ scheme: scheme.id, threshold: cookies.length, cookies });
    await onEvery((index) => writeAll(connections[index]!, list));
    const inconclusive: ChannelError[] = [];
    await onEvery(async (index) => {
      const fill = (into: Uint8Array) => readFull(connections[index]!, into);
      const reply = await decodeFrom(decodeAssociateReply(cookies.length), fill);
      if (reply.kind === "refused") {
        const refused = new HandshakeRefused(reply.reason);
        if (refused.conclusive) throw refused;
        inconclusive.push(failure(index, refused));
        return;
      }
      if (!list.every((byte, at) => byte === reply.bytes[at])) {
        throw new WireError("the server handler confirmed a different list: the channel was tampered with");
      }
    });
    if (inconclusive.length > 0) throw inconclusive[0];
    const readers = connections.map((connection) => new ChannelReader(connection));
    const association = new Association(associationId(cookies), readers, addresses, options);
    association.list = list;
    return association;
  } catch (error) {
    limit.abort(error);
    throw error;
  }
}
