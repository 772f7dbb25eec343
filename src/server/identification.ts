import { answerIdentify, toWire } from "../identify/answer.ts";
import type { Key } from "../identify/key.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Connection } from "../net/connection.ts";
import { sameAddress } from "../net/sockaddr.ts";
import type { Clock } from "../time/clock.ts";
import type { Log } from "../log/log.ts";
import { Throttled, ThrottledWarning } from "../log/throttled.ts";
import { encodeUnanswered, type Identify, IdentifyRefusal, type WireAddress } from "../wire/identify.ts";

/** What a server handler says of itself, and by which keys. */
export interface IdentificationOptions {
  /** By these its answers are authenticated; each can sign. A client names the one it has. */
  readonly keys: readonly Key[];
  /** Where it listens. */
  readonly channels: readonly Address[];
  /** Where clients reach these channels, in the same order, or all that there are; empty where they are the same. */
  readonly announce: readonly Address[];
  /** How long clients may rely on an answer, in milliseconds. */
  readonly announceFor: number;
  /** Tells time. */
  readonly clock: Clock;
  /** Gets a line for each question. */
  readonly log: Log;
  /** Told how each question ended, in a word. */
  readonly answered?: (outcome: string) => void;
}

/** Answers questions for the server handler's channels (paper, section III-C). */
export class Identification {
  readonly #options: IdentificationOptions;
  readonly #keys: ReadonlyMap<string, Key>;
  readonly #announced: readonly Address[];
  readonly #told: Throttled;
  readonly #untold: ThrottledWarning;

  /** Answers from now on. */
  constructor(options: IdentificationOptions) {
    this.#options = options;
    this.#keys = new Map(options.keys.map((key) => [key.id.toHex(), key]));
    this.#told = new Throttled((fields) => options.log.info("channels told", fields), options.clock);
    this.#untold = new ThrottledWarning(options.log, options.clock, "channels not told");
    this.#announced = options.announce.length > 0 ? options.announce : options.channels;
  }

  /** The whole message that answers a question, or refuses to. */
  async answer(question: Identify, { local, remote }: Connection): Promise<Uint8Array> {
    const id = question.keyId.toHex();
    const fields = { from: formatAddress(remote), channel: formatAddress(local), key: id };
    const key = this.#keys.get(id);
    if (key === undefined) {
      this.#options.answered?.("no-such-key");
      this.#untold.warn({ ...fields, reason: "no such key" });
      return encodeUnanswered(IdentifyRefusal.NoSuchKey);
    }
    const connected = this.#connected(local);
    const channels = this.#announced.map(toWire);
    if (connected === null || channels.includes(null)) {
      this.#options.answered?.("not-announced");
      this.#untold.warn({ ...fields, reason: "the client came to an address that is not announced; see announce" });
      return encodeUnanswered(IdentifyRefusal.NotAnnounced);
    }
    const valid = Math.ceil(this.#options.announceFor / 1000);
    const bytes = await answerIdentify(question, key, connected, { channels: channels as WireAddress[], valid });
    this.#options.answered?.("told");
    this.#told.report(fields);
    return bytes;
  }

  /** The address that a client connected to in its own eyes; null when that can't be known. */
  #connected(local: Address): WireAddress | null {
    const itself = this.#announced.find((address) => sameAddress(address, local));
    if (itself !== undefined) return toWire(itself);
    const { channels, announce } = this.#options;
    const at = channels.findIndex((channel) => sameAddress(channel, local));
    // Only where each channel has its own counterpart.
    const counterpart = announce.length === channels.length ? announce[at] : undefined;
    return counterpart === undefined ? null : toWire(counterpart);
  }
}
