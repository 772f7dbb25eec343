import { acceptAll, type Accepting } from "../../net/listen/accept_loop.ts";
import type { Clock } from "../../time/clock.ts";
import { type Connection, writeAll } from "../../net/connection.ts";
import { text } from "./guard.ts";
import { encodeHead, MAX_HEAD, parseHead } from "./http_messages.ts";

/** A connection over TCP or a UNIX socket. */
export type Stream = Pick<Connection, "read" | "write" | "closeWrite" | "close">;

/** Answers a request. */
export type Answer = (request: Request) => Promise<Response>;

/** Maximum number of connections: the event streams, and some more. They fit into the reserve of open files. */
export const MAX_CONNECTIONS = 24;

/** Limits for receiving a request, and for sending each part of an answer, in milliseconds. */
const REQUEST_TIMEOUT = 5_000, WRITE_TIMEOUT = 10_000;

/**
 * Maximum time for which a client's input is read after the answer, in milliseconds: closing with unread input could
 * discard the answer.
 */
const LINGER = 1_000;

/** Size of the parts of an answer, in bytes: the time limit applies to each, so that slow clients are served too. */
const PART = 64 * 1024;

/** A connection, its one request, and its answer. */
interface Exchange {
  readonly stream: Stream;
  /** True if it may be closed to make room; false for event streams. */
  evictable: boolean;
  /** True once its request has arrived. */
  requested: boolean;
}

/**
 * A small HTTP/1.1 server: one request without content per connection. Deno.serve has neither time-outs nor a limit, so
 * idle connections would use up the files that sessions need. When full, it admits the newest connection and evicts the
 * oldest.
 */
export class HttpServer {
  readonly #listener: Accepting<Stream> & { close(): void };
  readonly #answer: Answer;
  readonly #clock: Clock;
  readonly #accepting: Promise<void>;
  /** Oldest first. */
  readonly #exchanges = new Map<Exchange, Promise<void>>();

  /** Serves a listener, and takes ownership of it. */
  constructor(listener: Accepting<Stream> & { close(): void }, answer: Answer, clock: Clock) {
    this.#listener = listener;
    this.#answer = answer;
    this.#clock = clock;
    this.#accepting = acceptAll(listener, (stream) => this.#take(stream), { clock });
  }

  /** Stops listening, closes connections without a request, and waits for pending answers. */
  async shutdown(): Promise<void> {
    this.#listener.close();
    for (const { requested, stream } of this.#exchanges.keys()) if (!requested) stream.close();
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
    const exchange = { stream, evictable: true, requested: false };
    const served = this.#serve(exchange)
      // The client has gone, was too slow, or was evicted.
      .catch(() => {})
      .finally(() => {
        this.#exchanges.delete(exchange);
        stream.close();
      });
    this.#exchanges.set(exchange, served);
  }

  async #serve(exchange: Exchange): Promise<void> {
    const { stream } = exchange;
    const head = await this.#within(REQUEST_TIMEOUT, stream, () => readHead(stream));
    exchange.requested = true;
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

  /** Adds the answer's length, except to an event stream. */
  async #respond(request: Request): Promise<Response> {
    let response: Response;
    try {
      response = await this.#answer(request);
    } catch {
      // Not logged: anyone with access to the address could fill the disk.
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

  /** Closes the connection at the limit, which makes the action fail. */
  async #within<T>(ms: number, stream: Stream, action: () => Promise<T>): Promise<T> {
    const cancel = this.#clock.after(ms, () => stream.close());
    try {
      return await action();
    } finally {
      cancel();
    }
  }
}

/** Reads until a head is complete or exceeds the limit; ignores what follows it. */
async function readHead(stream: Stream): Promise<Uint8Array> {
  const buffer = new Uint8Array(MAX_HEAD);
  for (let length = 0; length < MAX_HEAD;) {
    const count = await stream.read(buffer.subarray(length));
    if (count === null) throw new Error("closed before the request was complete");
    length += count;
    const bytes = buffer.subarray(0, length);
    if (new TextDecoder("latin1").decode(bytes).includes("\r\n\r\n")) return bytes;
  }
  return buffer;
}
