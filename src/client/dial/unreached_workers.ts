import { reasonOf } from "../../errors/errors.ts";
import type { ThrottledWarning } from "../../log/throttled.ts";
import { NotProcessedError } from "../../session/session.ts";

/**
 * Reports workers of a server handler that can't be reached, once the server handler is known to answer elsewhere: while it
 * restarts, all of its workers are away, which is not the firewall's fault.
 */
export class UnreachedWorkers {
  readonly #server: string;
  readonly #warning: ThrottledWarning;
  readonly #suspected = new Map<number, unknown>();

  /** Starts without suspicion. @param server The server's name. */
  constructor(server: string, warning: ThrottledWarning) {
    this.#server = server;
    this.#warning = warning;
  }

  /** Notes a failure to reach a worker. @param error `NotProcessedError` if something else answered at its ports. */
  suspect(worker: number, error: unknown): void {
    this.#suspected.set(worker, error);
  }

  /** Forgets all failures: the server handler has restarted since. */
  clear(): void {
    this.#suspected.clear();
  }

  /** Reports the failures: the server handler has answered since. */
  confirm(): void {
    for (const [worker, error] of this.#suspected) {
      const cause = error instanceof NotProcessedError
        ? "is another server handler at this worker's ports?"
        : "open this worker's ports in the firewall";
      this.#warning.warn({
        server: this.#server,
        "server-worker": worker,
        reason: reasonOf(error),
        hint: `associations use the server's other ports; ${cause}`,
      });
    }
    this.#suspected.clear();
  }
}
