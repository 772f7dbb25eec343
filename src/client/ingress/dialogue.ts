import { MicssError } from "../../errors/errors.ts";
import type { Clock } from "../../time/clock.ts";
import { type Connection, readFull, writeAll } from "../../net/connection.ts";
import { decodeFrom, type Decoder } from "../../wire/decoder.ts";

/** How long an application has for reading last words and closing, in milliseconds. */
const LAST_WORDS_TIMEOUT = 1000;

/** The application did not say what it wants in time. */
export class SlowApplication extends MicssError {}

/**
 * What an application and its way in say to each other before the session: read to the byte, since whatever follows is
 * for the destination, and bounded in time as a whole. The connection stays its owner's.
 */
export class Dialogue {
  /** The application's connection. */
  readonly connection: Connection;
  readonly #clock: Clock;
  readonly #timeout: number;
  /** Rejects when the time is over; there from the first word on. */
  #expiry: Promise<never> | null = null;
  #forget: () => void = () => {};
  #hearing: Promise<unknown> = Promise.resolve();

  /**
   * A dialogue without a word so far.
   *
   * @param timeout From the first word on, in milliseconds.
   */
  constructor(connection: Connection, clock: Clock, timeout: number) {
    this.connection = connection;
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** The host address that the application connects from. */
  get remoteHost(): string {
    return this.connection.remote.host;
  }

  /**
   * Reads one message, and no byte more.
   *
   * @throws {WireError} When the bytes are no such message.
   * @throws {SlowApplication} When the time is over; reading is then still under way.
   * @throws What reading throws.
   */
  hear<T>(decoder: Decoder<T>): Promise<T> {
    const message = decodeFrom(decoder, (into) => readFull(this.connection, into));
    this.#hearing = message.catch(() => {});
    return this.#inTime(message);
  }

  /**
   * Writes.
   *
   * @throws {SlowApplication} When the time is over.
   * @throws What writing throws.
   */
  say(bytes: Uint8Array): Promise<void> {
    return this.#inTime(writeAll(this.connection, bytes));
  }

  /** The time does not count any more: the application has said all that it had to. */
  over(): void {
    this.#forget();
  }

  /** {@linkcode lastWords}. */
  end(words: Uint8Array): Promise<void> {
    return lastWords(this.connection, words, this.#clock, this.#hearing);
  }

  #inTime<T>(action: Promise<T>): Promise<T> {
    return Promise.race([action, this.#expiry ??= this.#expire()]);
  }

  #expire(): Promise<never> {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    const message = `did not say where to connect within ${this.#timeout / 1000} s`;
    this.#forget = this.#clock.after(this.#timeout, () => reject(new SlowApplication(message)));
    return promise;
  }
}

/**
 * Writes what an application is to read last, and ends the connection: once the application has closed its end, at the
 * latest after a second. Closing at once could destroy the words: over bytes that nobody has read, it is a reset.
 *
 * @param hearing Settles when a read that is still under way has ended; must not reject.
 */
export async function lastWords(
  connection: Connection,
  words: Uint8Array,
  clock: Clock,
  hearing: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  const cancel = clock.after(LAST_WORDS_TIMEOUT, () => connection.close());
  try {
    await writeAll(connection, words);
    await connection.closeWrite();
    await hearing;
    const unheard = new Uint8Array(4096);
    while (await connection.read(unheard) !== null);
  } catch {
    // It has gone already, or waited too long.
  } finally {
    cancel();
    connection.close();
  }
}
