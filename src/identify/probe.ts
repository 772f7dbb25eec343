import { type Connection, readFull, writeAll } from "../net/connection.ts";
import type { Clock } from "../time/clock.ts";
import { deadline } from "../time/deadline.ts";
import { decodeFrom } from "../wire/decoder.ts";
import { decodeGreeting } from "../wire/greeting.ts";
import { encodeProbe } from "../wire/identify.ts";

/** Time limit for a greeting, in milliseconds. */
const PATIENCE = 1000;

/**
 * Closes a connection that has measured a path. If a server handler of this version greets on it within a second, tells it
 * so before, as it would report a client that leaves without a word.
 *
 * @param connection New: nothing has been read from it.
 */
export async function closeProbe(connection: Connection, clock: Clock): Promise<void> {
  try {
    using limit = deadline(clock, PATIENCE, { reason: () => new Error("no greeting") });
    await limit.race(decodeFrom(decodeGreeting(), (into) => readFull(connection, into)));
    await limit.race(writeAll(connection, encodeProbe()));
  } catch {
    // The other side is not a server handler of this version, or has gone.
  } finally {
    connection.close();
  }
}
