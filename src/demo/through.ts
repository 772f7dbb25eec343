import { reasonOf } from "../errors/errors.ts";
import type { Clock } from "../time/clock.ts";
import type { Network } from "../net/connection.ts";
import { DemoError } from "./error.ts";
import { bytesOf, overhear, type Overheard, type Piece } from "./overhear.ts";
import type { Progress } from "./progress.ts";
import { get, type Reply, request } from "./request.ts";
import type { Setup } from "./setup.ts";
import type { Counted } from "./show.ts";

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
   * Transfers as many bytes as the limits allow.
   *
   * @param moved Called repeatedly with the progress.
   * @returns The duration, and the bytes of each channel.
   * @throws {DemoError} If bytes are missing.
   */
  async transfer(moved: (progress: Progress) => void): Promise<{ progress: Progress; channels: Counted[] }> {
    const { web, taps, entry } = this.#setup;
    const before = taps.map(({ up, down }) => ({ up, down }));
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
    if (received <= web.transferred) throw new DemoError(`received only ${received} of ${web.transferred} bytes`);
    if (channels.some(({ down }) => down <= received)) throw new DemoError("a channel carried less than its share");
    return { progress: total, channels };
  }

  #failure(path: string, cause: unknown): DemoError {
    const reason = this.#setup.warnings[0] ?? reasonOf(cause);
    return new DemoError(`${path} did not come through the channels: ${reason}`, { cause });
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
