/** The way of a stream's bytes to the application, and their memory. */
import { assertEquals } from "@std/assert";
import { Chunk } from "../../src/net/chunk.ts";
import { readFull } from "../../src/net/connection.ts";
import { Incoming } from "../../src/session/incoming.ts";
import type { Stream } from "../../src/streams/stream.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { applicationPair } from "../support/handlers/pair.ts";
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
  const done = incoming.run({ taken: (length) => void (taken += length) } as Stream, inside);
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
