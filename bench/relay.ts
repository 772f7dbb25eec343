/**
 * The upper bound for any pair of handlers in Deno: relays that only read and write. `relay.ts LISTEN TO`, addresses as
 * HOST:PORT. With several comma-separated TO, every byte goes to each; with several LISTEN, the bytes of the first are
 * passed on once they have arrived on all. A pair thus carries MICSS's traffic without pads, XOR, frames or associations.
 *
 * @module
 */

import { type Address, parseAddress } from "../src/net/address.ts";
import { type Connection, type Listener, writeAll } from "../src/net/connection.ts";
import { systemNetwork } from "../src/net/system/tcp.ts";
import { Program, type RunOptions } from "../tests/support/programs/process.ts";

/** Initial and maximum buffer size, in bytes: it grows with the flow, as MICSS's does. */
const SMALLEST = 8 * 1024, LARGEST = 512 * 1024;

/** Starts a relay from addresses to others; one of the two lists has one element. */
export async function startRelay(
  listen: readonly string[],
  to: readonly string[],
  options: RunOptions = {},
): Promise<Program> {
  const flags = ["run", "-q", "--no-config", "--no-lock", "--allow-net", "--allow-ffi", "--allow-env", "--allow-sys"];
  await using making = new AsyncDisposableStack();
  const command = [Deno.execPath(), ...flags, new URL(import.meta.url).pathname, listen.join(), to.join()];
  const program = making.use(Program.start(command, options));
  await program.waitForLine(/^listening/);
  making.move();
  return program;
}

async function relay(near: readonly Connection[], far: readonly Connection[]): Promise<void> {
  const all = [...near, ...far];
  try {
    await Promise.all([pass(near, far), pass(far, near)]);
    for (const connection of all) connection.close();
  } catch {
    for (const connection of all) connection.reset();
  }
}

/** Passes on bytes that have arrived on all of `from`, to each of `to`. */
async function pass(from: readonly Connection[], to: readonly Connection[]): Promise<void> {
  const buffers = from.map(() => new Uint8Array(SMALLEST)), held = from.map(() => 0), full = from.map(() => false);
  for (;;) {
    const read = async (one: Connection, at: number): Promise<boolean> => {
      if (held[at]! > 0) return true;
      if (full[at] && buffers[at]!.length < LARGEST) buffers[at] = new Uint8Array(8 * buffers[at]!.length);
      held[at] = await one.read(buffers[at]!) ?? 0;
      full[at] = held[at] === buffers[at]!.length;
      return held[at]! > 0;
    };
    if ((await Promise.all(from.map(read))).includes(false)) break;
    const length = Math.min(...held);
    await Promise.all(to.map((one) => writeAll(one, buffers[0]!.subarray(0, length))));
    for (const [at, buffer] of buffers.entries()) {
      if (held[at]! > length) buffer.copyWithin(0, length, held[at]!);
      held[at]! -= length;
    }
  }
  await Promise.all(to.map((one) => one.closeWrite()));
}

if (import.meta.main) {
  const [listeners, to] = Deno.args.map((texts) => texts.split(",").map((text) => parseAddress(text)));
  await acceptAll(listeners!.map((address) => systemNetwork.listen(address)), to!);
}

async function acceptAll(listeners: readonly Listener[], to: readonly Address[]): Promise<void> {
  console.log("listening");
  for (;;) {
    // Accept in lockstep, so that the connections that belong together have the same position on all listeners.
    const near = await Promise.all(listeners.map((listener) => listener.accept()));
    const far = await Promise.all(to.map((address) => systemNetwork.connect(address)));
    void relay(near as Connection[], far);
  }
}
