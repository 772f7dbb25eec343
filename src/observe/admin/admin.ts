import type { AdminAddress } from "../../config/admin.ts";
import { formatAddress } from "../../net/address.ts";
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

/** What {@linkcode Admin} shows. */
export interface AdminOptions {
  /** Makes what is seen of the handler, the admin's own from then on. */
  readonly view: () => View;
  /** Its last log lines. */
  readonly recent: Recent;
  /** What has to be in place for new sessions. */
  readonly checks: () => readonly Check[];
  /** The program's version. */
  readonly version: string;
  /** Tells time. */
  readonly clock: Clock;
}

/** Maximum wait at the end for readers to take what was sent to them, in milliseconds. */
const LAST_WORDS = 1000;

/** Sent with every answer: nothing of it may be framed, guessed at, kept, or read by another site's page. */
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
 * Where a handler can be looked at, over HTTP, without authentication. It changes nothing, but for one thing: a handler that
 * is ending lets another one have the address.
 */
export class Admin implements AsyncDisposable {
  /** Where it is; the real port where 0 was asked for. */
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
   * Answers from now on.
   *
   * @param until As in {@linkcode listenAt}.
   * @throws {StartError} When it can't listen there.
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

  /** The handler takes nothing new from now on. */
  ending(): void {
    this.#readiness.end();
  }

  /** Ends all connections, and waits until that is done, but no longer than a second for a reader that stalls. */
  async close(): Promise<void> {
    this.#view.close();
    this.#streams.close();
    await within(this.#listening.shutdown(), LAST_WORDS, this.#options.clock);
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
        if (stream === null) return text(503, "too many pages are looked at");
        return new Response(stream, { headers: { "content-type": "text/event-stream" } });
      }
      case RELEASE: {
        if (!this.#readiness.ending) return text(409, "this handler is not ending");
        this.#listening.release();
        return text(200, "the address is free");
      }
    }
    const asset = await assetAt(path);
    if (asset === null) return text(404, "nothing is here; see /, /status, /metrics, /healthz and /readyz");
    return new Response(asset.content, { headers: { "content-type": asset.type } });
  }

  async #status(events: readonly Event[]): Promise<Status> {
    const { version } = this.#options;
    const { ending, last } = this.#readiness;
    return statusOf(await this.#view.status(), { version, ending, readiness: last, events });
  }
}

/** An admin address as a person writes it. */
export function formatAdmin(address: AdminAddress): string {
  return "path" in address ? `unix:${address.path}` : formatAddress(address);
}
