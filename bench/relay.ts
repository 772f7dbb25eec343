/**
 * A plain relay: what any pair of handlers in Deno could reach at most. `relay.ts LISTEN TO`, addresses as HOST:PORT.
 *
 * @module
 */

import { acceptAll } from "../src/net/accept_loop.ts";
import { type Address, parseAddress } from "../src/net/address.ts";
import { type Connection, writeAll } from "../src/net/connection.ts";
import { systemNetwork } from "../src/net/tcp.ts";
import { Program } from "../tests/support/process.ts";

/** Starts a relay, from an address to another one. */
export async function startRelay(listen: string, to: string): Promise<Program> {
  const flags = ["run", "-q", "--no-config", "--no-lock", "--allow-net", "--allow-ffi", "--allow-env", "--allow-sys"];
  await using making = new AsyncDisposableStack();
  const command = [Deno.execPath(), ...flags, new URL(import.meta.url).pathname, listen, to];
  const program = making.use(Program.start(command));
  await program.waitForLine(/^listening/);
  making.move();
  return program;
}

async function relay(near: Connection, to: Address): Promise<void> {
  let far: Connection | undefined;
  try {
    far = await systemNetwork.connect(to);
    await Promise.all([pass(near, far), pass(far, near)]);
    near.close();
    far.close();
  } catch {
    near.reset();
    far?.reset();
  }
}

async function pass(from: Connection, to: Connection): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let length = await from.read(buffer); length !== null; length = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, length));
  }
  await to.closeWrite();
}

if (import.meta.main) {
  const [listen, to] = Deno.args.map((text) => parseAddress(text)) as [Address, Address];
  acceptAll(systemNetwork.listen(listen), (connection) => void relay(connection, to));
  console.log("listening");
}
