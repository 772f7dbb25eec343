import { assert, assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import type { Connection } from "../../src/net/connection.ts";
import { type Pair, startPair } from "../support/handlers/handlers.ts";
import { bounded } from "../support/programs/process.ts";
import { connect, drain, flood, pattern, sha256, Target, writeAndEnd } from "../support/programs/tcp.ts";

const MEGABYTE = 1_000_000;

/** Maximum growth of a handler's memory due to one session whose receiver doesn't read. */
const MEMORY_LIMIT = 64 * MEGABYTE;

/** Upper bound of all system buffers on the path, in bytes: a sender that exceeds it was never blocked. */
const MAX_SENT = 500 * MEGABYTE;

/** Time without progress after which a sender counts as blocked, in milliseconds. */
const QUIET = 1_000;

Deno.test("an application that never reads blocks the target, and neither handler's memory grows", async () => {
  using target = new Target();
  await using pair = await startPair({ target: target.address });
  using application = await connect(pair.entry);
  await assertBlocks(pair, await target.accept(pair), application);
});

Deno.test("a target that never reads blocks the application, and neither handler's memory grows", async () => {
  using target = new Target();
  await using pair = await startPair({ target: target.address });
  using application = await connect(pair.entry);
  await assertBlocks(pair, application, await target.accept(pair));
});

Deno.test("both directions of one session carry 30 MB at once", async () => {
  using target = new Target();
  await using pair = await startPair({ target: target.address });
  using application = await connect(pair.entry);
  const served = await target.accept(pair);
  const [up, down] = [pattern(30 * MEGABYTE, 1), pattern(30 * MEGABYTE, 2)];
  const [heardAbove, heardBelow] = await bounded(
    Promise.all([drain(served), drain(application), writeAndEnd(application, up), writeAndEnd(served, down)]),
    () => `30 MB each way\n${pair.describe()}`,
    60_000,
  );
  assertEquals(heardAbove, { bytes: up.length, sha256: sha256(up), ending: "end" });
  assertEquals(heardBelow, { bytes: down.length, sha256: sha256(down), ending: "end" });
});

/** Sends until blocked, checks the handlers' memory, then reads everything. */
async function assertBlocks(pair: Pair, sender: Connection, receiver: Connection): Promise<void> {
  const memory = () => Promise.all([pair.client.memory(), pair.server.memory()]);
  const before = await memory();
  const hash = createHash("sha256");
  const enough = new AbortController();
  let sent = 0;
  const flooding = flood(sender, pattern(64 * 1024), {
    until: enough.signal,
    onWritten(bytes) {
      sent += bytes.length;
      hash.update(bytes);
    },
  });
  await quiet(() => sent);
  const [client, server] = (await memory()).map((bytes, i) => bytes - before[i]!);
  const growth = `client ${client}, server ${server} bytes more memory after ${sent} bytes sent`;
  assert(client! < MEMORY_LIMIT && server! < MEMORY_LIMIT, growth);

  enough.abort();
  const received = drain(receiver);
  assertEquals(await flooding, "stopped");
  await sender.closeWrite();
  assertEquals(await received, { bytes: sent, sha256: hash.digest("hex"), ending: "end" });
  await receiver.closeWrite();
  assertEquals((await drain(sender)).ending, "end");
}

/** Waits until `count` stops changing, the only sign of a blocked writer. */
async function quiet(count: () => number): Promise<void> {
  for (let last = -1; last !== count();) {
    last = count();
    assert(last < MAX_SENT, `The sender was never blocked: ${last} bytes went out`);
    await new Promise((resolve) => setTimeout(resolve, QUIET));
  }
  assert(count() > 0, "Nothing went out at all");
}
