/** The way of a stream's bytes to the application, and their memory. */
import { assert, assertEquals } from "@std/assert";
import { Chunk } from "../../src/net/chunk.ts";
import { readFull } from "../../src/net/connection.ts";
import { Incoming } from "../../src/session/incoming.ts";
import type { Stream } from "../../src/streams/stream.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { applicationPair, readAll } from "../support/handlers/pair.ts";
import { forSeeds } from "../support/random/random.ts";
import { taken as written } from "../support/handlers/session_pair.ts";
import { settle } from "../support/time/fake_clock.ts";

Deno.test("bytes that the application has taken count as taken where their release frees the memory", async () => {
  const [application, inside] = await applicationPair(new MemoryNetwork());
  const incoming = new Incoming({ sent: 0, received: 0 });
  let taken = 0;
  // As the pool of buffers does, when it is full.
  const detached = (length: number) => {
    const bytes = new Uint8Array(length);
    return new Chunk(bytes, () => void bytes.buffer.transfer(0));
  };
  const done = written(incoming, { taken: (length) => void (taken += length) } as Stream, inside);
  for (const length of [20_000, 65_536]) {
    const record = detached(length);
    incoming.data(record.bytes, record);
    record.release();
    await readFull(application, new Uint8Array(length));
    await settle();
  }
  assertEquals(taken, 85_536);
  incoming.ended();
  await done;
  application.close();
  inside.close();
});

Deno.test("what waits for an application in pieces of a byte takes little more memory than its length", async () => {
  const [application, inside] = await applicationPair(new MemoryNetwork({ capacity: 1_000_000 }));
  const length = 300_000, pieces = Uint8Array.from({ length }, (_, index) => index * 7);
  const incoming = new Incoming({ sent: 0, received: 0 });
  const record = new Chunk(pieces, () => {});
  const before = Deno.memoryUsage().heapUsed;
  for (let at = 0; at < length; at++) incoming.data(pieces.subarray(at, at + 1), record);
  const used = Deno.memoryUsage().heapUsed - before;
  let taken = 0;
  const done = written(incoming, { taken: (length) => void (taken += length) } as Stream, inside);
  incoming.ended();
  const got = new Uint8Array(length);
  await readFull(application, got);
  await done;
  assertEquals([taken, got.every((byte, index) => byte === pieces[index])], [length, true]);
  // A few hundred bytes each would be much more, even as what is garbage already is still counted.
  assert(used < 40_000_000, `${used} bytes`);
  application.close();
  inside.close();
});

Deno.test("pieces of any lengths arrive in order and count once, whenever the application takes them", async () => {
  await forSeeds(12, async (random) => {
    const [application, inside] = await applicationPair(new MemoryNetwork({ capacity: random.pick([700, 100_000]) }));
    const incoming = new Incoming({ sent: 0, received: 0 });
    const sent = random.bytes(100_000), lengths = random.pick([[1, 3], [1, 1, 1, 1, 1, 20_000], [200, 17_000, 65_000]]);
    let taken = 0, done: Promise<void> | null = null;
    const begin = random.below(1000);
    const reading = readAll(application);
    for (let at = 0, count = 0; at < sent.length; count++) {
      const body = sent.slice(at, at += random.pick(lengths)), record = new Chunk(body, () => void body.fill(0xee));
      incoming.data(body, record);
      record.release();
      if (random.below(100) === 0) await settle();
      if (count === begin) done = written(incoming, { taken: (length) => void (taken += length) } as Stream, inside);
    }
    done ??= written(incoming, { taken: (length) => void (taken += length) } as Stream, inside);
    incoming.ended();
    await done;
    assert((await reading).toHex() === sent.toHex());
    assertEquals(taken, sent.length);
    application.close();
    inside.close();
  });
});
