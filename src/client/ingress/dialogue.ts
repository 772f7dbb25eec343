import type { WaitingPlace } from "../../association/admission_queue.ts";
import { MicssError } from "../../errors/errors.ts";
import type { Clock } from "../../time/clock.ts";
import { type Connection, readFull, writeAll } from "../../net/connection.ts";
import { decodeFrom, type Decoder } from "../../wire/decoder.ts";

/** Time for an application to read the last reply and close, in milliseconds. */
const CLOSE_TIMEOUT = 1000;

/** The application did not complete its request in time. */
export class ApplicationTimeout extends MicssError {}

/**
 * The exchange between an application and its ingress before the session. Reads no byte too many, since what follows is for
 * the destination, and has one time limit as a whole. Does not own the connection.
 */
export class Dialogue {
  /** The application's connection. */
  readonly connection: Connection;
  /** Its place in the queue of dialogues. */
  place: WaitingPlace | null = null;
  readonly #clock: Clock;
  readonly #timeout: number;
  /** Rejects at the time limit; set by the first operation. */
  #expiry: Promise<never> | null = null;
  #cancel: () => void = () => {};
  #reading: Promise<unknown> = Promise.resolve();

  /**
   * Starts without setting a timer.
   *
   * @param timeout In milliseconds, from the first operation.
   */
  constructor(connection: Connection, clock: Clock, timeout: number) {
    this.connection = connection;
    this.#clock = clock;
    this.#timeout = timeout;
  }

  /** Host address of the application. */
  get remoteHost(): string {
    return this.connection.remote.host;
  }

  /**
   * Reads one message, and nothing beyond it.
   *
   * @throws {WireError} If the message is invalid.
   * @throws {ApplicationTimeout} At the time limit; the read is then still under way.
   * @throws If reading fails.
   */
  receive<T>(decoder: Decoder<T>): Promise<T> {
    const message = decodeFrom(decoder, (into) => readFull(this.connection, into));
    this.#reading = message.catch(() => {});
    return this.#inTime(message);
  }

  /**
   * Writes all bytes.
   *
   * @throws {ApplicationTimeout} At the time limit.
   * @throws If writing fails.
   */
  send(bytes: Uint8Array): Promise<void> {
    return this.#inTime(writeAll(this.connection, bytes));
  }

  /** Stops the timer: the request is complete. */
  stopTimer(): void {
    this.#cancel();
  }

  /** {@linkcode closeWithReply}. */
  end(reply: Uint8Array): Promise<void> {
    return closeWithReply(this.connection, reply, this.#clock, this.#reading);
  }

  #inTime<T>(action: Promise<T>): Promise<T> {
    return Promise.race([action, this.#expiry ??= this.#expire()]);
  }

  #expire(): Promise<never> {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    const message = `no complete request within ${this.#timeout / 1000} s`;
    this.#cancel = this.#clock.after(this.#timeout, () => reject(new ApplicationTimeout(message)));
    return promise;
  }
}

/**
 * Writes a last reply, and closes the connection once the application has closed its end, or after a second. Closing
 * immediately could lose the reply: with unread bytes, the system sends a reset.
 *
 * @param reading Settles when a read under way has ended; must not reject.
 */
async function closeWithReply(
  connection: Connection,
  reply: Uint8Array,
  clock: Clock,
  reading: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  const cancel = clock.after(CLOSE_TIMEOUT, () => connection.close());
  try {
    await writeAll(connection, reply);
    await connection.closeWrite();
    await reading;
    const discarded = new Uint8Array(4096);
    while (await connection.read(discarded) !== null);
  } catch {
    // The application is gone, or the time is over.
  } finally {
    cancel();
    connection.close();
  }
}
