import { acceptAll, type Accepting } from "../../net/listen/accept_loop.ts";
import type { Clock } from "../../time/clock.ts";
import { type Connection, writeAll } from "../../net/connection.ts";
import { text } from "./guard.ts";
import { encodeHead, MAX_HEAD, parseHead } from "./http_messages.ts";

/** A connection over TCP or a UNIX socket. */
export type Stream = Pick<Connection, "read" | "write" | "closeWrite" | "close">;

/** Answers a request. */
export type Answer = (request: Request) => Promise<Response>;

/** Connections at once: those that follow events, and some for all else. They fit into the files kept in reserve. */
export const MAX_CONNECTIONS = 24;

/** How long a request may take to arrive, and each part of an answer to leave, in milliseconds. */
const REQUEST_TIMEOUT = 5_000, WRITE_TIMEOUT = 10_000;

/** How long what a client still sends is read after the answer: closing above it could take the answer back. */
const LINGER = 1_000;

/** An answer is written in parts of this many bytes, so that a slow reader has time for each. */
const PART = 64 * 1024;

/** A connection, its one request, and its answer. */
interface Exchange {
  readonly stream: Stream;
  /** Whether it may be closed to make room: not while it follows events. */
  evictable: boolean;
  /** Whether its request has come. */
  asked: boolean;
}

/**
 * A small HTTP/1.1 server: one request without content for each connection. Deno.serve has neither time-outs nor a limit,
 * so idle connections would take the files that sessions need. When full, the newest is admitted and the oldest evicted.
 */
export class HttpServer {
  readonly #listener: Accepting<Stream> & { close(): void };
  readonly #answer: Answer;
  readonly #clock: Clock;
  readonly #accepting: Promise<void>;
  /** The oldest first. */
  readonly #exchanges = new Map<Exchange, Promise<void>>();

  /** Answers what arrives at a listener, which becomes its own. */
  constructor(listener: Accepting<Stream> & { close(): void }, answer: Answer, clock: Clock) {
    this.#listener = listener;
    this.#answer = answer;
    this.#clock = clock;
    this.#accepting = acceptAll(listener, (stream) => this.#take(stream), undefined, clock);
  }

  /** Takes no more connections, closes those without a request, and waits for the answers under way. */
  async shutdown(): Promise<void> {
    this.#listener.close();
    for (const { asked, stream } of this.#exchanges.keys()) if (!asked) stream.close();
    await this.#accepting;
    await Promise.all(this.#exchanges.values());
  }

  #take(stream: Stream): void {
    if (this.#exchanges.size >= MAX_CONNECTIONS) {
      const oldest = this.#exchanges.keys().find(({ evictable }) => evictable);
      if (oldest === undefined) return stream.close();
      oldest.evictable = false;
      oldest.stream.close();
    }
    const exchange = { stream, evictable: true, asked: false };
    const over = this.#serve(exchange)
      // Whoever asked has gone, was too slow, or was evicted.
      .catch(() => {})
      .finally(() => {
        this.#exchanges.delete(exchange);
        stream.close();
      });
    this.#exchanges.set(exchange, over);
  }

  async #serve(exchange: Exchange): Promise<void> {
    const { stream } = exchange;
    const head = await this.#within(REQUEST_TIMEOUT, stream, () => readHead(stream));
    exchange.asked = true;
    const request = parseHead(head);
    const response = request instanceof Request ? await this.#respond(request) : request;
    await this.#write(stream, encodeHead(response));
    exchange.evictable = response.headers.has("content-length");
    const withoutBody = request instanceof Request && request.method === "HEAD";
    if (withoutBody) await response.body?.cancel();
    else for await (const chunk of response.body ?? []) await this.#write(stream, chunk);
    await stream.closeWrite();
    await this.#within(LINGER, stream, async () => {
      for (const rest = new Uint8Array(4096); await stream.read(rest) !== null;);
    });
  }

  /** An answer whose length is known, unless it goes on for as long as the client listens. */
  async #respond(request: Request): Promise<Response> {
    let response: Response;
    try {
      response = await this.#answer(request);
    } catch {
      // Errors of single requests are not logged: whoever reaches the address could fill a disk.
      response = text(500, "internal error");
    }
    if (response.headers.get("content-type") === "text/event-stream") return response;
    const content = await response.bytes();
    const headers = new Headers(response.headers);
    headers.set("content-length", String(content.length));
    return new Response(content, { status: response.status, headers });
  }

  async #write(stream: Stream, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += PART) {
      await this.#within(WRITE_TIMEOUT, stream, () => writeAll(stream, bytes.subarray(at, at + PART)));
    }
  }

  /** Closes the connection, and so ends the action with an error, when it takes too long. */
  async #within<T>(ms: number, stream: Stream, action: () => Promise<T>): Promise<T> {
    const cancel = this.#clock.after(ms, () => stream.close());
    try {
      return await action();
    } finally {
      cancel();
    }
  }
}

/** Reads until a head is whole, or longer than allowed; what comes behind it is not looked at. */
async function readHead(stream: Stream): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_HEAD);
  for (let length = 0; length < MAX_HEAD;) {
    const count = await stream.read(buffer.subarray(length));
    if (count === null) throw new Error("closed before the request was whole");
    length += count;
    const bytes = buffer.subarray(0, length);
    if (new TextDecoder("latin1").decode(bytes).includes("\r\n\r\n")) return bytes;
  }
  return buffer;
}
