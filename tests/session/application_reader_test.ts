import { assert, assertEquals, assertRejects } from "@std/assert";
import { giveBuffer } from "../../src/net/buffer_pool.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { ApplicationError } from "../../src/session/application_error.ts";
import { ApplicationReader } from "../../src/session/application_reader.ts";
import type { Piece } from "../../src/streams/piece.ts";
import { DATA_LEAD } from "../../src/streams/record_packer.ts";
import { MAX_BODY } from "../../src/records/record.ts";
import { settle } from "../support/time/fake_clock.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { applicationPair } from "../support/handlers/pair.ts";
import { forSeeds, Random } from "../support/random/random.ts";

/** The application's bytes in a piece. */
function bytesOf({ buffer, start, length }: Piece): Uint8Array {
  return buffer.slice(start, start + length);
}

/** True if the piece lies within its buffer, with room for the heads of its records in front. */
function hasRoom({ buffer, start, length }: Piece): boolean {
  return length > 0 && start >= DATA_LEAD * Math.ceil(length / MAX_BODY) && start + length <= buffer.length;
}

/** A reader, and its next piece. */
function readerOf(inside: Connection): { next: () => Promise<Piece | null> } {
  let settle: PromiseWithResolvers<Piece | null>;
  const reader = new ApplicationReader(inside, {
    arrived: (piece) => settle.resolve(piece),
    unreadable: (error) => settle.reject(error),
  });
  const next = () => {
    settle = Promise.withResolvers();
    reader.next();
    return settle.promise;
  };
  return { next };
}

function send(application: Connection, length: number): Promise<void> {
  return writeAll(application, new Random(length).bytes(length));
}

Deno.test("pieces contain all bytes, with any sizes and fragmentation, and are followed by null forever", async () => {
  await forSeeds(60, async (random) => {
    const network = new MemoryNetwork({
      capacity: random.pick([700, 9000, 300_000]),
      chunk: (available) => random.pick([available, random.below(available)]),
    });
    const [application, inside] = await applicationPair(network);
    const sent = random.bytes(random.pick([0, 1, 487, 488, 489, 512, 513, 8192, random.below(100_000), 700_000]));
    const writing = (async () => {
      for (let at = 0; at < sent.length;) {
        const length = random.pick([1, 511, 512, 7680, 100_000]);
        await writeAll(application, sent.subarray(at, at + length));
        if (random.pick([true, false])) await settle();
        at += length;
      }
      await application.closeWrite();
    })();
    const pieces = readerOf(inside);
    const received = new Uint8Array(sent.length);
    let at = 0;
    for (let piece = await pieces.next(); piece !== null; piece = await pieces.next()) {
      assert(hasRoom(piece));
      received.set(bytesOf(piece), at);
      at += piece.length;
      giveBuffer(piece.buffer);
    }
    assertEquals(await pieces.next(), null);
    assertEquals([at, received], [sent.length, sent]);
    await writing;
    application.close();
    inside.close();
  });
});

Deno.test("bytes that arrive after a piece that filled its buffer form a piece of their own", async () => {
  const [application, inside] = await applicationPair();
  const pieces = readerOf(inside);
  await send(application, 512);
  assertEquals(bytesOf((await pieces.next())!), new Random(512).bytes(512));
  const next = pieces.next();
  await settle();
  await send(application, 300);
  const piece = (await next)!;
  assertEquals([bytesOf(piece), hasRoom(piece)], [new Random(300).bytes(300), true]);
  application.close();
  inside.close();
});

Deno.test("an end that arrives after the bytes before it surfaces in the next call", async () => {
  const [application, inside] = await applicationPair();
  const pieces = readerOf(inside);
  await send(application, 10);
  assertEquals((await pieces.next())!.length, 10);
  await application.closeWrite();
  assertEquals([await pieces.next(), await pieces.next()], [null, null]);
  application.close();
  inside.close();
});

Deno.test("a reset behind a piece leaves the piece intact, and surfaces in the next call", async () => {
  const [application, inside] = await applicationPair();
  const pieces = readerOf(inside);
  await send(application, 10);
  assertEquals(bytesOf((await pieces.next())!), new Random(10).bytes(10));
  application.reset();
  await settle();
  await assertRejects(() => pieces.next(), ApplicationError);
  inside.close();
});
