import { reasonOf } from "../errors/errors.ts";
import type { Clock } from "../time/clock.ts";
import type { Network } from "../net/connection.ts";
import { DemoError } from "./error.ts";
import { bytesOf, overhear, type Overheard, type Piece } from "./overhear.ts";
import type { Progress } from "./progress.ts";
import { get, type Reply, request } from "./request.ts";
import type { Setup } from "./setup.ts";
import type { Counted } from "./show.ts";
import type { TransferLimits } from "./web_server.ts";
import { LETTER_LENGTH, repeated } from "./text.ts";
import { concat } from "../wire/concat.ts";

/** Offset of the byte that a tap changes, behind those that are on their way already. */
const FLIPPED = 300_000;

/** An answer found in the recordings of the taps. */
export interface Found {
  /** The association that carried it. */
  readonly association: Overheard;
  /** Its pieces among the message bytes. */
  readonly answer: readonly Piece[];
}

/** Sends requests through the handlers and the taps. */
export class Through {
  readonly #setup: Setup;
  readonly #network: Network;
  readonly #clock: Clock;

  /** Uses `setup`, which the caller keeps owning. */
  constructor(setup: Setup, network: Network, clock: Clock) {
    this.#setup = setup;
    this.#network = network;
    this.#clock = clock;
  }

  /** Requests `path`. @throws {DemoError} If the body of the answer is not `body`. */
  async get(path: string, body: Uint8Array): Promise<Reply> {
    let reply: Reply;
    try {
      reply = await get(this.#network, this.#setup.entry, path);
    } catch (cause) {
      throw this.#failure(path, cause);
    }
    if (!equal(reply.bytes.subarray(reply.bodyStart), body)) {
      throw new DemoError(`${path} arrived differently from how the web server sent it`);
    }
    return reply;
  }

  /** Finds an answer in the recordings of the taps. @throws {DemoError} If it is missing. */
  overheard(reply: Reply): Found {
    for (const association of overhear(this.#setup.taps.map(({ recordings }) => recordings))) {
      const answer = association.answers.find((pieces) => equal(bytesOf(association.message, pieces), reply.bytes));
      if (answer !== undefined) return { association, answer };
    }
    throw new DemoError("the recordings of all three taps do not give back the application's data");
  }

  /**
   * Transfers a quarter of what the limits allow, and cuts a path after a third of that.
   *
   * @param tap Index of the tap on it.
   * @param limits Those of the setup.
   * @returns The bytes that had arrived by then, those that arrived in all, and the time until the path was in use again, in
   * milliseconds.
   * @throws {DemoError} If bytes are missing, or the path is not used again.
   */
  async cut(tap: number, limits: TransferLimits): Promise<{ before: number; total: number; ms: number }> {
    const { web, taps, entry } = this.#setup, { [tap]: victim } = taps;
    const transferred = web.transferred, connections = victim!.recordings.length;
    const began = this.#clock.now();
    let total = 0, before = 0, cutAt = 0, ms: number | null = null;
    try {
      await request(this.#network, entry, "/short", ({ length }) => {
        total += length;
        const isDue = total >= limits.bytes / 12 || this.#clock.now() - began >= limits.ms / 12;
        if (before === 0 && isDue) {
          before = total;
          cutAt = this.#clock.now();
          victim!.cut();
        } else if (before > 0 && ms === null && victim!.recordings.length > connections) ms = this.#clock.now() - cutAt;
      });
    } catch (cause) {
      throw this.#failure("/short", cause);
    }
    if (total <= web.transferred - transferred) {
      throw new DemoError(`received only ${total} bytes after a path was cut`);
    }
    if (ms === null) throw new DemoError("the path that was cut was not used again");
    return { before, total, ms };
  }

  /**
   * Requests the letter while a tap flips one bit.
   *
   * @param tap Its index.
   * @returns The bytes that the application received, and the reason in the client handler's log.
   * @throws {DemoError} If anything wrong is delivered, or the change is not noticed.
   */
  async tamper(tap: number): Promise<{ received: number; reason: string }> {
    const { taps, entry, warnings } = this.#setup, { [tap]: victim } = taps;
    const letter = repeated(LETTER_LENGTH), pieces: Uint8Array[] = [];
    // Somewhere in the letter.
    let left = FLIPPED;
    victim!.alter = (bytes) => {
      if (left >= 0 && left < bytes.length) bytes[left]! ^= 1;
      left -= bytes.length;
    };
    // The error of the reset, which not every system can pass on to the application.
    await request(this.#network, entry, "/letter", (bytes) => pieces.push(bytes.slice())).catch(() => {});
    victim!.alter = () => {};
    const answer = concat(pieces), body = answer.subarray(bodyStart(answer));
    if (body.length === letter.length) throw new DemoError("a tap changed a byte, and nobody noticed");
    const reason = /(a record with a wrong [a-z]+: it was tampered with)/.exec(warnings.join("; "))?.[1];
    if (reason === undefined) throw this.#failure("/letter", warnings.join("; "));
    if (!equal(body, letter.subarray(0, body.length))) throw new DemoError("something wrong arrived");
    return { received: body.length, reason };
  }

  /**
   * Transfers as many bytes as the limits allow.
   *
   * @param moved Called repeatedly with the progress.
   * @returns The duration, and the bytes of each channel.
   * @throws {DemoError} If bytes are missing.
   */
  async transfer(moved: (progress: Progress) => void): Promise<{ progress: Progress; channels: Counted[] }> {
    const { web, taps, entry } = this.#setup;
    const before = taps.map(({ up, down }) => ({ up, down })), transferred = web.transferred;
    const began = this.#clock.now();
    let received = 0;
    const progress = (): Progress => ({ bytes: received, ms: this.#clock.now() - began });
    try {
      await request(this.#network, entry, "/transfer", ({ length }) => {
        received += length;
        moved(progress());
      });
    } catch (cause) {
      throw this.#failure("/transfer", cause);
    }
    const total = progress();
    const channels = taps.map(({ address, up, down }, index) => ({
      address,
      up: up - before[index]!.up,
      down: down - before[index]!.down,
    }));
    // A head precedes the body, and frames surround both.
    const sent = web.transferred - transferred;
    if (received <= sent) throw new DemoError(`received only ${received} of ${sent} bytes`);
    if (channels.some(({ down }) => down <= received)) throw new DemoError("a channel carried less than its share");
    return { progress: total, channels };
  }

  #failure(path: string, cause: unknown): DemoError {
    const reason = this.#setup.warnings[0] ?? reasonOf(cause);
    return new DemoError(`${path} did not come through the channels: ${reason}`, { cause });
  }
}

/** Offset of an answer's body, as far as the answer has come. */
function bodyStart(answer: Uint8Array): number {
  const end = new TextDecoder("latin1").decode(answer).indexOf("\r\n\r\n");
  return end < 0 ? answer.length : end + 4;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
