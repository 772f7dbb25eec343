/** Records as a stage of a pipeline: verified bodies pass in order, and nothing from the first wrong record on. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import type { Chunk } from "../../src/net/chunk.ts";
import { RecordDecoder, RecordError } from "../../src/records/record_decoder.ts";
import { recordOpener } from "../../src/records/record_opener.ts";
import { concat } from "../../src/wire/concat.ts";
import { Lender, taken } from "../support/network/chunks.ts";
import { bytes, cutsOf, fc } from "../support/random/property.ts";
import { Random } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";
import { direction, flipped } from "./direction.ts";

/** Passes pieces through an opener. @returns Copies of the bodies, and the pipe's error. */
async function opened(pieces: readonly Uint8Array[], lender = new Lender()): Promise<[Uint8Array[], unknown]> {
  const bodies: Uint8Array[] = [];
  const source = ReadableStream.from(pieces.map((piece) => lender.lend(piece)));
  const taking = new WritableStream<readonly Chunk[]>({ write: (some) => void bodies.push(...some.map(taken)) });
  const error = await source.pipeThrough(recordOpener()).pipeTo(taking).then(() => undefined, (error) => error);
  return [bodies, error];
}

Deno.test("bodies pass in order, however the bytes are cut, and every piece is released", async () => {
  const sent = fc.array(bytes(1, 80), { maxLength: 6 }).chain((bodies) => {
    return fc.tuple(fc.constant(bodies), cutsOf(concat([...direction(bodies)]), 12));
  });
  await fc.assert(fc.asyncProperty(sent, async ([sent, pieces]) => {
    const lender = new Lender();
    assertEquals(await opened(pieces, lender), [sent, undefined]);
    assertEquals(lender.held, 0);
  }));
});

Deno.test("a wrong bit fails the pipe with a RecordError, and nothing of its record or of a later one has passed", async () => {
  const random = new Random(1), sent = Array.from({ length: 4 }, () => random.bytes(30)), parts = direction(sent);
  const whole = concat([...parts]), bit = fc.nat(8 * whole.length - 1);
  await fc.assert(
    fc.asyncProperty(bit.chain((bit) => fc.tuple(fc.constant(bit), cutsOf(flipped(whole, bit), 8))), async (
      [bit, pieces],
    ) => {
      const [bodies, error] = await opened(pieces);
      assertInstanceOf(error, RecordError);
      const before = Math.max(0, Math.floor(((bit >> 3) - 48) / 65));
      // Bodies of the piece that fails may be dropped with it.
      assert(bodies.length <= before);
      assertEquals(bodies, sent.slice(0, bodies.length));
    }),
  );
});

Deno.test("a body has passed before the pieces behind it come", async () => {
  const sent = [Uint8Array.of(1, 2), Uint8Array.of(3)], [key, one, two] = direction(sent), lender = new Lender();
  const { readable, writable } = recordOpener(new RecordDecoder());
  const writer = writable.getWriter(), reader = readable.getReader();
  const pieces = [key!, concat([one!, two!.subarray(0, 35)]), two!.subarray(35)];
  let reading = reader.read();
  for (const [index, piece] of pieces.entries()) {
    await writer.write(lender.lend(piece));
    if (index === 0) continue;
    assertEquals((await reading).value!.map(taken), [sent[index - 1]]);
    reading = reader.read();
  }
  await writer.close();
  assertEquals([(await reading).done, lender.held], [true, 0]);
});

Deno.test("no further piece is taken while bodies wait for their reader", async () => {
  const parts = direction([Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3), Uint8Array.of(4)]);
  let given = 0;
  const lender = new Lender();
  const source = new ReadableStream<Chunk>({
    pull(controller) {
      const part = parts[given++];
      if (part === undefined) controller.close();
      else controller.enqueue(lender.lend(part));
    },
  }, { highWaterMark: 0 });
  const reader = source.pipeThrough(recordOpener()).getReader();
  await settle();
  assert(given <= 2, `${given} pieces taken though nothing was read`);
  for (let body = await reader.read(); !body.done; body = await reader.read()) {
    for (const one of body.value) one.release();
  }
  assertEquals([given, lender.held], [6, 0]);
});

Deno.test("what a lower stage fails with comes through", async () => {
  const { readable, writable } = recordOpener(), reader = readable.getReader();
  const reading = reader.read();
  await writable.abort(new TypeError("a channel failed"));
  await assertRejects(() => reading, TypeError, "a channel failed");
});
