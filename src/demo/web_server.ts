import { acceptAll } from "../net/listen/accept_loop.ts";
import type { Address } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import { type Connection, type Listener, type Network, writeAll } from "../net/connection.ts";
import { listenAll } from "../net/listen/listen.ts";
import { LETTER_LENGTH, LINE_BYTES, PAGE_BYTES, repeated } from "./text.ts";

/** Limits of the throughput transfer, which ends at whichever is reached first. */
export interface TransferLimits {
  /** In bytes. */
  readonly bytes: number;
  /** In milliseconds. */
  readonly ms: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Maximum length of a request. */
const LONGEST_REQUEST = 4096;

/** Bytes per write: a whole number of lines. */
const BLOCK = 6_000 * LINE_BYTES.length;

/**
 * A small HTTP/1.1 server, unaware of MICSS: `/` is a page, `/letter` a million bytes of one repeated line, `/transfer` the
 * same line until a limit is reached, `/short` until a quarter of it is. It closes each connection after its answer.
 */
export class WebServer {
  /** Listening address. */
  readonly address: Address;
  /** Bytes written in answers to `/transfer` and `/short`. */
  transferred = 0;
  readonly #listener: Listener;
  readonly #accepting: Promise<void>;
  readonly #serving = new Map<Connection, Promise<void>>();
  readonly #clock: Clock;
  readonly #limits: TransferLimits;

  /** Starts to listen. @throws {StartError} If it can't. */
  constructor(network: Network, clock: Clock, at: Address, limits: TransferLimits) {
    this.#clock = clock;
    this.#limits = limits;
    [this.#listener] = listenAll(network, [at]) as [Listener];
    this.address = this.#listener.address;
    this.#accepting = acceptAll(this.#listener, (connection) => {
      const serving = this.#serve(connection).finally(() => this.#serving.delete(connection));
      this.#serving.set(connection, serving);
    });
  }

  /** Stops listening, aborts open connections, and waits until all are closed. */
  async close(): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.#serving.keys()) connection.reset();
    await Promise.all(this.#serving.values());
  }

  async #serve(connection: Connection): Promise<void> {
    try {
      const path = await readPath(connection);
      if (path === "/") await answer(connection, PAGE_BYTES);
      else if (path === "/letter") await answer(connection, repeated(LETTER_LENGTH));
      else if (path === "/transfer") await this.#transfer(connection, this.#limits);
      else if (path === "/short") await this.#transfer(connection, shortLimits(this.#limits));
      else await writeAll(connection, head("404 Not Found", 0));
      await connection.closeWrite();
      while (await connection.read(new Uint8Array(512)) !== null);
      connection.close();
    } catch {
      // The client is gone, or does not speak HTTP; drop the rest.
      connection.reset();
    }
  }

  async #transfer(connection: Connection, { bytes, ms }: TransferLimits): Promise<void> {
    const block = repeated(BLOCK);
    const end = this.#clock.now() + ms;
    await writeAll(connection, head("200 OK"));
    for (let left = bytes; left > 0 && this.#clock.now() < end;) {
      const part = block.subarray(0, left);
      await writeAll(connection, part);
      this.transferred += part.length;
      left -= part.length;
    }
  }
}

/** Limits of `/short`: a quarter of those of `/transfer`. */
export function shortLimits({ bytes, ms }: TransferLimits): TransferLimits {
  return { bytes: bytes / 4, ms: ms / 4 };
}

/** Head and body, for a single write. */
async function answer(connection: Connection, body: Uint8Array): Promise<void> {
  const start = head("200 OK", body.length);
  const bytes = new Uint8Array(start.length + body.length);
  bytes.set(start);
  bytes.set(body, start.length);
  await writeAll(connection, bytes);
}

/** Head of an answer; without a length the body ends with the connection (RFC 9112, section 6.3). */
function head(status: string, length?: number): Uint8Array {
  const lengthLine = length === undefined ? "" : `Content-Length: ${length}\r\n`;
  return encoder.encode(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\n${lengthLine}Connection: close\r\n\r\n`,
  );
}

/** Reads the head of a request. @returns The requested path. */
async function readPath(connection: Connection): Promise<string> {
  const buffer = new Uint8Array(LONGEST_REQUEST);
  for (let length = 0;;) {
    const count = await connection.read(buffer.subarray(length));
    if (count === null) throw new Error("the request ended too early");
    length += count;
    const text = decoder.decode(buffer.subarray(0, length));
    if (text.includes("\r\n\r\n")) return /^GET (\S+) HTTP\/1\.[01]\r\n/.exec(text)?.[1] ?? "";
    if (length === buffer.length) throw new Error("the request is too long");
  }
}
