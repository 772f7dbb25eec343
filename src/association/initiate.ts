import type { Address } from "../net/address.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { type Connection, type Network, readFull, writeAll } from "../net/connection.ts";
import { connectInTurn } from "../net/names/dial.ts";
import { requirePlainTcp } from "../net/listen/plain_tcp.ts";
import { associationId, cookieKey, decodeAssociateReply, encodeAssociate } from "../wire/associate.ts";
import { decodeFrom, WireError } from "../wire/decoder.ts";
import { decodeGreeting } from "../wire/greeting.ts";
import { xor } from "../sharing/xor.ts";
import { Association, ChannelError, channelsOf, type Sharing } from "./association.ts";
import { ChannelReader } from "./channel_reader.ts";
import { HandshakeRefused, HandshakeTimeout } from "./outcome.ts";

/** How long a handshake may take, in milliseconds, from the first connection attempt on. */
export const HANDSHAKE_TIMEOUT = 5000;

/** What {@linkcode initiate} needs beside the channels. */
export interface InitiateOptions extends Sharing {
  /** Makes the connections. */
  readonly network: Network;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** In milliseconds. Default: {@linkcode HANDSHAKE_TIMEOUT}. */
  readonly timeout?: number;
  /** Further hosts for each channel, tried in turn where its address takes no connection; none twice. Default: none. */
  readonly alternatives?: readonly (readonly string[])[];
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/**
 * The client's side of the association handshake (paper, section III-D; docs/PROTOCOL.md 2): connects to every address at
 * once, collects the cookies, sends the whole list on every channel, and goes on only when its exact echo has come on
 * every channel. So no share leaves before the one honest channel, whichever it is, has confirmed the list both ways.
 *
 * @param addresses The server handler's address on each channel; at least two.
 * @returns The association, the caller's to end.
 * @throws {ChannelError} When a channel fails, or anything but the echo comes on it, or not in time. Every connection is
 * closed by then.
 */
export async function initiate(addresses: readonly Address[], options: InitiateOptions): Promise<Association> {
  const { network, clock = systemClock, timeout = HANDSHAKE_TIMEOUT, scheme = xor } = options;
  const connections: Connection[] = [];
  const giveUp = new AbortController();
  const stop = (reason: unknown): void => {
    giveUp.abort(reason);
    for (const connection of connections) connection?.close();
  };
  /** The channels that a step under way waits for: they are what is lacking when the time is over. */
  const lacking = new Set<number>();
  /** The channels on which a server handler has greeted. */
  const greeted = new Set<number>();
  const cancel = clock.after(timeout, () => {
    const waiting = [...lacking].sort((a, b) => a - b);
    // Until all have the list, the server handler answers on none of them: those whose paths have stopped are to blame.
    const stopped = waiting.filter((index) => connections[index]?.stalled === true);
    const [first, ...others] = stopped.length > 0 ? stopped : waiting;
    culprit = first;
    const nor = others.length > 0 ? `, nor from ${channelsOf(others)}` : "";
    stop(new HandshakeTimeout(`no answer within ${timeout / 1000} s${nor}`));
  });
  /** The channel to blame for the time-out. */
  let culprit: number | undefined;
  const onAbort = () => stop(options.signal!.reason);
  options.signal?.addEventListener("abort", onAbort);

  const failure = (index: number, cause: unknown): ChannelError => {
    const reached = greeted.has(index) ? "greeting" : connections[index] === undefined ? "nothing" : "connection";
    const answered = greeted.size - Number(greeted.has(index));
    return new ChannelError(index, addresses[index]!, cause, { reached, others: addresses.length - 1, answered });
  };

  /** Runs a step on every channel at once; the first failure ends them all, and says which channel it was. */
  const onEvery = <T>(step: (index: number) => Promise<T>): Promise<T[]> =>
    Promise.all(addresses.map(async (_, index) => {
      lacking.add(index);
      try {
        const value = await step(index);
        lacking.delete(index);
        giveUp.signal.throwIfAborted();
        return value;
      } catch (cause) {
        throw failure(culprit ?? index, giveUp.signal.aborted ? giveUp.signal.reason : cause);
      }
    }));

  try {
    options.signal?.throwIfAborted();
    const cookies = await onEvery(async (index) => {
      const address = addresses[index]!;
      const others = options.alternatives?.[index]?.map((host) => ({ ...address, host })) ?? [];
      const connection = await connectInTurn([address, ...others], {
        network,
        clock,
        timeout,
        signal: giveUp.signal,
      });
      connections[index] = connection;
      if (giveUp.signal.aborted) connection.close();
      requirePlainTcp(connection);
      const cookie = await decodeFrom(decodeGreeting(), (into) => readFull(connection, into));
      greeted.add(index);
      return cookie;
    });
    const keys = cookies.map(cookieKey);
    const index = keys.findIndex((key, at) => keys.indexOf(key) < at);
    if (index >= 0) {
      const cause = new WireError(`its cookie is that of channel ${keys.indexOf(keys[index]!) + 1}`);
      throw failure(index, cause);
    }

    const list = encodeAssociate({ scheme: scheme.id, threshold: cookies.length, cookies });
    await onEvery((index) => writeAll(connections[index]!, list));
    const vague: ChannelError[] = [];
    await onEvery(async (index) => {
      const fill = (into: Uint8Array) => readFull(connections[index]!, into);
      const reply = await decodeFrom(decodeAssociateReply(cookies.length), fill);
      if (reply.kind === "refused") {
        const refused = new HandshakeRefused(reply.reason);
        if (refused.telling) throw refused;
        vague.push(failure(index, refused));
        return;
      }
      if (!list.every((byte, at) => byte === reply.bytes[at])) {
        throw new WireError("the server handler confirmed another list: the channel was tampered with");
      }
    });
    if (vague.length > 0) throw vague[0];
    return new Association(
      associationId(cookies),
      connections.map((connection) => new ChannelReader(connection)),
      addresses,
      options,
    );
  } catch (error) {
    stop(error);
    throw error;
  } finally {
    cancel();
    options.signal?.removeEventListener("abort", onAbort);
  }
}
