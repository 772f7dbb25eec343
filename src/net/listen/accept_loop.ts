import { type Log, silentLog } from "../../log/log.ts";
import { type Address, formatAddress } from "../address.ts";
import { type Clock, systemClock } from "../../time/clock.ts";

/** Gives connections, over TCP or a UNIX socket. */
export interface Accepting<C> {
  /** Where it listens, for the log. */
  readonly address?: Address;
  /** As `Listener.accept`. */
  accept(): Promise<C | null>;
}

/** How long accepting pauses when files or memory have run out, in milliseconds. */
const PAUSE = 100;

/** How often that gets a line, in milliseconds. */
const LINE_INTERVAL = 10_000;

/**
 * After so many connections the runtime looks around: as long as some wait to be accepted it would do nothing else, and
 * what is closed to make room for them would not be closed (see turns.ts).
 */
const IN_A_ROW = 32;

/**
 * Accepts connections until the listener is closed. Running out of files or memory pauses it, and is logged once in ten
 * seconds.
 *
 * @param take Owns each connection; must not throw.
 */
export async function acceptAll<C>(
  listener: Accepting<C>,
  take: (connection: C) => void,
  log: Log = silentLog,
  clock: Clock = systemClock,
): Promise<void> {
  let told = -Infinity;
  for (let count = 1;; count++) {
    let connection: C | null;
    try {
      connection = await listener.accept();
    } catch (error) {
      if (clock.now() - told >= LINE_INTERVAL) {
        told = clock.now();
        const { address } = listener;
        log.error("accept failed", { ...address && { address: formatAddress(address) }, reason: String(error) });
      }
      await new Promise<void>((resolve) => clock.after(PAUSE, resolve));
      continue;
    }
    if (connection === null) return;
    take(connection);
    if (count % IN_A_ROW === 0) await new Promise<void>((resolve) => setTimeout(resolve, 0));
  }
}
