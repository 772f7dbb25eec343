import { type Log, silentLog } from "../observe/log.ts";
import { formatAddress } from "./address.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Connection, Listener } from "./connection.ts";

/** How long accepting pauses after the system failed to give a connection, in milliseconds. */
const PAUSE = 100;

/**
 * Accepts connections until the listener is closed. That files have run out, or whatever else the system reports, pauses
 * it and is logged once until accepting works again.
 *
 * @param take Owns each connection; must not throw.
 */
export async function acceptAll(
  listener: Listener,
  take: (connection: Connection) => void,
  log: Log = silentLog,
  clock: Clock = systemClock,
): Promise<void> {
  let failing = false;
  for (;;) {
    let connection: Connection | null;
    try {
      connection = await listener.accept();
    } catch (error) {
      if (!failing) log.error("accepting fails", { address: formatAddress(listener.address), reason: String(error) });
      failing = true;
      await new Promise<void>((resolve) => clock.after(PAUSE, resolve));
      continue;
    }
    if (connection === null) return;
    failing = false;
    take(connection);
  }
}
