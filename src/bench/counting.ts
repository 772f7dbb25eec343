import type { Clock } from "../net/clock.ts";
import type { Connection } from "../net/connection.ts";
import type { Count } from "./protocol.ts";

/** How much is read or written at once, in bytes. */
export const BLOCK: number = 256 * 1024;

/**
 * Counts what comes on a connection, from the first read after the ramp to the first after the window: at whole reads, so
 * that a flow which stalls is not credited with what comes after the end.
 *
 * @param times Both in milliseconds; the ramp begins with the first byte.
 * @throws {Deno.errors.UnexpectedEof} When the flow ends before, and what the connection throws.
 */
export async function countArriving(
  connection: Connection,
  { ramp, window }: { readonly ramp: number; readonly window: number },
  clock: Clock,
): Promise<Count> {
  const buffer = new Uint8Array(BLOCK);
  const read = async (): Promise<number> => {
    const length = await connection.read(buffer);
    if (length === null) throw new Deno.errors.UnexpectedEof("the flow ended before the measurement did");
    return length;
  };
  await read();
  let now = clock.now();
  for (const end = now + ramp; now < end; now = clock.now()) await read();
  const began = now;
  let bytes = 0;
  do {
    bytes += await read();
    now = clock.now();
  } while (now < began + window);
  return { bytes, microseconds: (now - began) * 1000 };
}
