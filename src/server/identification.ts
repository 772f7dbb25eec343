import { answerIdentify, toWire } from "../identify/answer.ts";
import type { Key } from "../identify/key.ts";
import { type Address, formatAddress, sameAddress } from "../net/address.ts";
import type { Connection } from "../net/connection.ts";
import type { Clock } from "../time/clock.ts";
import type { Log } from "../log/log.ts";
import { Throttled, ThrottledWarning } from "../log/throttled.ts";
import type { WireAddress } from "../wire/addresses.ts";
import { encodeIdentifyRefusal, type Identify, IdentifyRefusal, isProbe } from "../wire/identify.ts";

/** Options of {@linkcode Identification}. */
export interface IdentificationOptions {
  /** Signing keys that authenticate the answers. A client names the one it has. */
  readonly keys: readonly Key[];
  /** Addresses where the server handler listens. */
  readonly channels: readonly Address[];
  /** Addresses at which clients reach the channels, in the same order if as many; empty if the same as `channels`. */
  readonly announce: readonly Address[];
  /** Validity of an answer, in milliseconds. */
  readonly announceFor: number;
  /** Limits the log's rate. */
  readonly clock: Clock;
  /** Receives a line for each request. */
  readonly log: Log;
  /** Called with the outcome of each request, for metrics. */
  readonly answered?: (outcome: string) => void;
}

/** Answers identification requests for the server handler's channels (paper, section III-C). */
export class Identification {
  readonly #options: IdentificationOptions;
  readonly #keys: ReadonlyMap<string, Key>;
  readonly #announced: readonly Address[];
  readonly #answered: Throttled;
  readonly #refused: ThrottledWarning;
  readonly #probed: Throttled;

  /** Creates it for one configuration. */
  constructor(options: IdentificationOptions) {
    this.#options = options;
    this.#keys = new Map(options.keys.map((key) => [key.id.toHex(), key]));
    this.#answered = new Throttled((fields) => options.log.info("channels announced", fields), options.clock);
    this.#refused = new ThrottledWarning(options.log, options.clock, "channels not announced");
    this.#probed = new Throttled((fields) => options.log.debug("channel probed", fields), options.clock);
    this.#announced = options.announce.length > 0 ? options.announce : options.channels;
  }

  /** Encodes the answer to a request, or a refusal. */
  async answer(question: Identify, { local, remote }: Connection): Promise<Uint8Array> {
    const id = question.keyId.toHex(), ends = { from: formatAddress(remote), channel: formatAddress(local) };
    if (isProbe(question)) {
      this.#options.answered?.("probe");
      this.#probed.report({ ...ends, reason: "the client only measures the path" });
      return encodeIdentifyRefusal(IdentifyRefusal.NoSuchKey);
    }
    const fields = { ...ends, key: id };
    const key = this.#keys.get(id);
    if (key === undefined) {
      this.#options.answered?.("no-such-key");
      this.#refused.warn({ ...fields, reason: "no such key" });
      return encodeIdentifyRefusal(IdentifyRefusal.NoSuchKey);
    }
    const connected = this.#connected(local);
    const channels = this.#announced.map(toWire);
    if (connected === null || channels.includes(null)) {
      this.#options.answered?.("not-announced");
      this.#refused.warn({
        ...fields,
        reason: "the client connected to an address that is not announced; see the setting announce",
      });
      return encodeIdentifyRefusal(IdentifyRefusal.NotAnnounced);
    }
    const valid = Math.ceil(this.#options.announceFor / 1000);
    const bytes = await answerIdentify(question, key, connected, { channels: channels as WireAddress[], valid });
    this.#options.answered?.("announced");
    this.#answered.report(fields);
    return bytes;
  }

  /** The address to which the client connected, as the client sees it; null if unknown. */
  #connected(local: Address): WireAddress | null {
    const itself = this.#announced.find((address) => sameAddress(address, local));
    if (itself !== undefined) return toWire(itself);
    const { channels, announce } = this.#options;
    const index = channels.findIndex((channel) => sameAddress(channel, local));
    // Only if each channel has a counterpart.
    const counterpart = announce.length === channels.length ? announce[index] : undefined;
    return counterpart === undefined ? null : toWire(counterpart);
  }
}
