import { assertEquals, assertRejects } from "@std/assert";
import { Tap } from "../../src/demo/tap.ts";
import { type Connection, type Listener, readFull, writeAll } from "../../src/net/connection.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";

/** A connection through a tap: `near` is the connecting end, `far` the accepting one. */
interface Tapped {
  network: MemoryNetwork;
  tap: Tap;
  listener: Listener;
  near: Connection;
  far: Connection;
}

/** Runs `use` with a connection through a tap that keeps 10 bytes, and checks that nothing stays open. */
async function withTap(use: (tapped: Tapped) => Promise<void>): Promise<void> {
  const network = new MemoryNetwork();
  const listener = network.listen({ host: "192.0.2.1", port: 80 });
  const tap = new Tap(network, { host: "192.0.2.2", port: 0 }, listener.address, 10);
  const near = await network.connect(tap.address);
  const far = (await listener.accept())!;
  await use({ network, tap, listener, near, far });
  for (const end of [near, far, listener]) end.close();
  await tap.close();
  assertEquals([network.openListeners, network.openEnds], [0, 0]);
}

/** Reads until the peer half-closes. */
async function readAll(connection: Connection): Promise<number[]> {
  const bytes: number[] = [];
  const buffer = new Uint8Array(100);
  for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
    bytes.push(...buffer.subarray(0, length));
  }
  return bytes;
}

const numbers = (length: number) => Uint8Array.from({ length }, (_, index) => index);

Deno.test("a tap forwards everything both ways, counts it, and keeps the first bytes", () =>
  withTap(async ({ tap, near, far }) => {
    await writeAll(near, numbers(30));
    await readFull(far, new Uint8Array(30));
    await writeAll(far, numbers(7));
    await readFull(near, new Uint8Array(7));
    assertEquals([tap.up, tap.down], [30, 7]);
    assertEquals(tap.recordings.map(({ up, down }) => [up.bytes, down.bytes]), [[numbers(10), numbers(7)]]);
  }));

Deno.test("a half-close passes, and the other direction continues", () =>
  withTap(async ({ near, far }) => {
    await writeAll(near, numbers(3));
    await near.closeWrite();
    assertEquals(await readAll(far), [0, 1, 2]);
    await writeAll(far, numbers(2));
    await far.closeWrite();
    assertEquals(await readAll(near), [0, 1]);
  }));

Deno.test("a reset passes", () =>
  withTap(async ({ near, far }) => {
    near.reset();
    await assertRejects(() => far.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  }));

Deno.test("each connection has a recording of its own", () =>
  withTap(async ({ network, tap, listener, near, far }) => {
    await writeAll(far, numbers(1));
    await readFull(near, new Uint8Array(1));
    const second = await network.connect(tap.address);
    const secondFar = (await listener.accept())!;
    await writeAll(secondFar, numbers(2));
    await readFull(second, new Uint8Array(2));
    assertEquals(tap.recordings.map(({ down }) => down.bytes.length), [1, 2]);
    for (const end of [second, secondFar]) end.close();
  }));

Deno.test("closing a tap resets its connections", () =>
  withTap(async ({ tap, near, far }) => {
    await tap.close();
    await assertRejects(() => near.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    await assertRejects(() => far.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  }));

Deno.test("a connection that can't be forwarded is reset", () =>
  withTap(async ({ network, tap, listener }) => {
    listener.close();
    const near = await network.connect(tap.address);
    await assertRejects(() => near.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    near.close();
  }));
