/** Bytes of a session both ways, for tests of channels that break, lag or lie. */
import { assert } from "@std/assert";
import type { Connection } from "../../src/net/connection.ts";
import { readAll, sendAll } from "../support/handlers/pair.ts";
import type { Random } from "../support/random/random.ts";

/** Sends in both directions at once and half-closes; both sides must get all of it. */
export async function exchange(
  application: Connection,
  target: Connection,
  random: Random,
  length: number,
): Promise<void> {
  const up = random.bytes(length), down = random.bytes(length);
  const [above, below] = await Promise.all([
    readAll(target),
    readAll(application),
    sendAll(application, up),
    sendAll(target, down),
  ]);
  assert(above.every((byte, at) => byte === up[at]) && above.length === length, "what the target got");
  assert(below.every((byte, at) => byte === down[at]) && below.length === length, "what the application got");
}
