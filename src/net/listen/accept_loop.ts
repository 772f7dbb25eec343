import { type Log, silentLog } from "../../log/log.ts";
import { type Clock, systemClock } from "../../time/clock.ts";
import { type Address, formatAddress } from "../address.ts";
import { pollForEvents } from "../fairness.ts";

/** Source of connections, over TCP or a UNIX socket. */
export interface Accepting<C> {
  /** Listening address, for the log. */
  readonly address?: Address;
  /** Like `Listener.accept`. */
  accept(): Promise<C | null>;
}

/** Options of {@linkcode acceptAll}. */
export interface AcceptOptions {
  /** Receives `accept failed`. Default: none. */
  readonly log?: Log;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/** Pause after a failure, in milliseconds. */
const RETRY_INTERVAL = 100;

/** Time between two log lines about failures, in milliseconds. */
const LOG_INTERVAL = 10_000;

/**
 * Connections accepted between two polls for events. While connections are waiting the runtime would do nothing else, not
 * even close those that make room for them (see `fairness.ts`).
 */
const BATCH = 32;

/**
 * Accepts connections until the listener is closed. When the system runs out of files or memory, pauses and retries;
 * failures are logged once in ten seconds.
 *
 * @param take Becomes the owner of each connection; must not throw.
 */
export async function acceptAll<C>(
  listener: Accepting<C>,
  take: (connection: C) => void,
  { log = silentLog, clock = systemClock }: AcceptOptions = {},
): Promise<void> {
  let lastLogged = -Infinity;
  for (let count = 1;; count++) {
    let connection: C | null;
    try {
      connection = await listener.accept();
    } catch (error) {
      if (clock.now() - lastLogged >= LOG_INTERVAL) {
        lastLogged = clock.now();
        const { address } = listener;
        log.error("accept failed", { ...address && { address: formatAddress(address) }, reason: String(error) });
      }
      await clock.sleep(RETRY_INTERVAL);
      continue;
    }
    if (connection === null) return;
    take(connection);
    if (count % BATCH === 0) await pollForEvents();
  }
}
