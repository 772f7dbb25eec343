import type { Clock } from "../time/clock.ts";
import type { Connection } from "../net/connection.ts";
import type { Count } from "./protocol.ts";

/** Bytes per read or write. */
export const BLOCK: number = 256 * 1024;

/**
 * Counts received bytes, from the first read after the ramp to the first one after the window. Counting whole reads keeps
 * a stalled flow from being credited with bytes after the end.
 *
 * @param times Both in milliseconds; the ramp begins with the first byte.
 * @throws {Deno.errors.UnexpectedEof} If the flow ends early; also errors of the connection.
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
