import type { AdminAddress } from "../../config/admin.ts";
import type { Clock } from "../../time/clock.ts";
import { CONTENT_TYPE, expose } from "../metrics.ts";
import type { Event, Recent } from "../../log/recent.ts";
import type { View } from "../view.ts";
import { assetAt } from "./assets.ts";
import { refuse, RELEASE, text } from "./guard.ts";
import { within } from "../../log/line_queue.ts";
import { type Check, Readiness } from "../readiness.ts";
import { type Status, statusOf } from "../status.ts";
import { Streams } from "./stream.ts";
import { listenAt, type Listening } from "./socket.ts";

/** Configures an {@linkcode Admin}. */
export interface AdminOptions {
  /** Opens a view of the handler, which the admin interface closes. */
  readonly view: () => View;
  /** The handler's last log lines. */
  readonly recent: Recent;
  /** Returns the current preconditions of new sessions. */
  readonly checks: () => readonly Check[];
  /** The program's version. */
  readonly version: string;
  /** Source of time. */
  readonly clock: Clock;
}

/** Maximum wait at shutdown for clients to read their answers, in milliseconds. */
const SHUTDOWN_TIMEOUT = 1000;

/** Sent with every answer: no framing, no sniffing, no caching, no access for other sites. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

/**
 * A handler's admin interface: HTTP without authentication, and read-only except that a handler that is ending gives up
 * the address on request.
 */
export class Admin implements AsyncDisposable {
  /** Its address; the assigned port if 0 was requested. */
  readonly address: AdminAddress;
  readonly #options: AdminOptions;
  readonly #readiness: Readiness;
  readonly #view: View;
  readonly #streams: Streams;
  readonly #listening: Listening;

  private constructor(listening: Listening, options: AdminOptions) {
    this.#options = options;
    this.#readiness = new Readiness(options.checks, options.clock);
    this.#listening = listening;
    this.address = listening.address;
    this.#view = options.view();
    this.#streams = new Streams(this.#view, options.recent, (events) => this.#status(events));
  }

  /**
   * Starts to listen.
   *
   * @param until As in {@linkcode listenAt}.
   * @throws {StartError} If it can't listen there.
   */
  static async start(address: AdminAddress, options: AdminOptions, until?: AbortSignal): Promise<Admin> {
    const own = "path" in address ? null : address.host;
    const started = Promise.withResolvers<Admin>();
    const listening = await listenAt(
      address,
      async (request) => await (await started.promise).#answer(request, own),
      options.clock,
      until,
    );
    const admin = new Admin(listening, options);
    started.resolve(admin);
    return admin;
  }

  /** Reports from now on that the handler has stopped taking new sessions. */
  ending(): void {
    this.#readiness.end();
  }

  /** Ends all connections, and waits at most a second for clients that read slowly. */
  async close(): Promise<void> {
    this.#view.close();
    this.#streams.close();
    await within(this.#listening.shutdown(), SHUTDOWN_TIMEOUT, this.#options.clock);
  }

  /** {@linkcode Admin.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #answer(request: Request, own: string | null): Promise<Response> {
    const response = refuse(request, own) ?? await this.#page(new URL(request.url).pathname);
    for (const [name, value] of Object.entries(HEADERS)) response.headers.set(name, value);
    return response;
  }

  async #page(path: string): Promise<Response> {
    const { recent } = this.#options;
    switch (path) {
      case "/healthz":
        return text(200, "ok");
      case "/readyz": {
        const answer = await this.#readiness.ask();
        return Response.json(answer, { status: answer.ready ? 200 : 503 });
      }
      case "/metrics": {
        return new Response(expose(await this.#view.metrics()), { headers: { "content-type": CONTENT_TYPE } });
      }
      case "/status":
        return Response.json(await this.#status(recent.after()));
      case "/events": {
        const stream = await this.#streams.open();
        if (stream === null) return text(503, "too many event streams are open");
        return new Response(stream, { headers: { "content-type": "text/event-stream" } });
      }
      case RELEASE: {
        if (!this.#readiness.ending) return text(409, "this handler is not ending");
        this.#listening.release();
        return text(200, "the address is released");
      }
    }
    const asset = await assetAt(path);
    if (asset === null) return text(404, "not found; see /, /status, /metrics, /healthz and /readyz");
    return new Response(asset.content, { headers: { "content-type": asset.type } });
  }

  async #status(events: readonly Event[]): Promise<Status> {
    const { version } = this.#options;
    const { ending, last } = this.#readiness;
    return statusOf(await this.#view.status(), { version, ending, readiness: last, events });
  }
}
