import { MicssError, reasonOf } from "../errors/errors.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import { deadline } from "../time/deadline.ts";
import { type Connection, type Network, readFull, writeAll } from "../net/connection.ts";
import { isDisconnect } from "../net/retry.ts";
import { canonicalHost, withoutZone } from "../net/ip.ts";
import { decodeFrom, WireError } from "../wire/decoder.ts";
import { decodeGreeting } from "../wire/greeting.ts";
import {
  decodeChannelList,
  decodeIdentifyReply,
  encodeIdentify,
  type IdentifyAnswer,
  IdentifyRefusal,
  identifyTranscript,
  NONCE_LENGTH,
} from "../wire/identify.ts";
import { fromWire, toWire } from "./answer.ts";
import type { Key } from "./key.ts";

/** Channels announced by a server handler. */
export interface Identified {
  /** 2 to 16, each at its own address, including the requested one. */
  readonly channels: readonly Address[];
  /** Validity in seconds. */
  readonly valid: number;
  /** The key that authenticated the answer. */
  readonly key: Key;
}

/** Options of an exchange. */
export interface ExchangeOptions {
  /** Makes the connection. */
  readonly network: Network;
  /** Measures the time-out. */
  readonly clock: Clock;
  /** Time limit for all keys together, in milliseconds. */
  readonly timeout: number;
  /** Aborts the exchange. */
  readonly signal?: AbortSignal;
}

/** Identification failed. The message names the address and the reason. */
export class IdentifyError extends MicssError {}

/**
 * Asks a server handler for its channels (paper, section III-C; docs/PROTOCOL.md, identification), with one connection per
 * key until the server has that key. Parses nothing before it is verified.
 *
 * @param first The known address; its host is an IP address.
 * @param keys At least one; each able to verify.
 * @throws {IdentifyError} After closing every connection.
 */
export async function identify(first: Address, keys: readonly Key[], options: ExchangeOptions): Promise<Identified> {
  const { timeout, clock, network, signal } = options;
  using limit = deadline(clock, timeout, { reason: () => new Error(`no answer within ${timeout / 1000} s`), signal });
  try {
    for (const key of keys) {
      limit.signal.throwIfAborted();
      const connection = await network.connect(first, limit.signal);
      try {
        const identified = await limit.race(ask(connection, first, key));
        if (identified !== null) return identified;
      } finally {
        connection.close();
      }
    }
    const ids = keys.map(({ id }) => id.toHex()).join(", ");
    throw new Error(`the server handler has no key ${ids}`);
  } catch (error) {
    const cause = limit.signal.aborted ? limit.signal.reason : error;
    throw new IdentifyError(`${formatAddress(first)} did not identify its channels: ${reasonOf(cause)}`, { cause });
  }
}

/** Asks with one key; null if the server does not have it. */
async function ask(connection: Connection, first: Address, key: Key): Promise<Identified | null> {
  const fill = (into: Uint8Array) => readFull(connection, into);
  await decodeFrom(decodeGreeting(), fill);
  // Used once: no other answer is ever checked against it.
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH));
  await writeAll(connection, encodeIdentify({ keyId: key.id, nonce }));
  const reply = await decodeFrom(decodeIdentifyReply(key.method), whole(fill));
  if (reply.kind === "refused") {
    if (reply.reason === IdentifyRefusal.NoSuchKey) return null;
    throw new Error(
      "refused: this address is not one of the server handler's channels (see its setting announce)",
    );
  }
  const { answer } = reply;
  const transcript = identifyTranscript({
    method: key.method,
    keyId: key.id,
    nonce,
    connected: toWire(first)!,
    list: answer.list,
  });
  if (!await key.verify!(transcript, answer.token)) {
    throw new Error(
      "the answer's token is wrong: the answer was tampered with or belongs to another request, or the server handler " +
        "signs for another address (see its setting announce)",
    );
  }
  return { ...checked(answer, first), key };
}

/** Reads an answer. A truncated one does not mean that the server handler is gone. */
function whole(fill: (into: Uint8Array) => Promise<void>): typeof fill {
  let begun = false;
  return async (into) => {
    try {
      await fill(into);
      begun = true;
    } catch (error) {
      throw begun && isDisconnect(error) ? new WireError((error as Error).message) : error;
    }
  };
}

function checked(answer: IdentifyAnswer, first: Address): Omit<Identified, "key"> {
  const { channels: sent, valid } = decodeChannelList(answer.list);
  const channels = sent.map(fromWire);
  const hosts = new Set(channels.map(({ host }) => host));
  if (hosts.size < channels.length) throw new Error("the list has two channels at one address");
  if (!hosts.has(withoutZone(canonicalHost(first.host)))) {
    throw new Error("the list lacks the requested address");
  }
  return { channels, valid };
}
