/** The memory of associations with short shares that end in the middle of a body. */
import { assertEquals, assertInstanceOf } from "@std/assert";
import type { Association } from "../../src/association/association.ts";
import { bufferBytes } from "../../src/net/buffer_pool.ts";
import type { Chunk } from "../../src/net/chunk.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordError } from "../../src/records/record_decoder.ts";
import { CIPHER_KEY_LENGTH } from "../../src/sharing/stream_cipher.ts";
import { sharesOf } from "../short/shared.ts";
import { raw } from "../support/handlers/channels.ts";
import { taken } from "../support/network/chunks.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { Random } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";

/** Three channels, and a body of which each brings so little that only the joiner takes a large buffer. */
const COUNT = 3, SHARES = sharesOf([new Random(1).bytes(20_000)], COUNT);
const KEY = KEY_LENGTH + RECORD_HEAD_LENGTH, FRAGMENT = KEY + CIPHER_KEY_LENGTH;

/** A receiving association, and the other ends of its channels. */
async function receiving() {
  const network = new MemoryNetwork(), bodies: Uint8Array[] = [];
  const { association, ends } = await raw(network, COUNT, { short: true });
  const ended = association.records()
    .pipeTo(new WritableStream<readonly Chunk[]>({ write: (records) => void bodies.push(...records.map(taken)) }))
    .then(() => null, (error: unknown) => error)
    .then((error) => {
      if (error instanceof RecordError) association.fail(error);
      association.end();
      return error;
    });
  return { network, association, ends, bodies, ended };
}

/** Ends of an association in the middle of a body. */
const ENDS: Readonly<Record<string, (association: Association, ends: readonly Connection[]) => unknown>> = {
  "its owner ends it": (association) => association.end(),
  "its owner aborts it": (association) => association.abort(),
  "it fails": (association) => association.fail(new Error("a violation")),
  "a channel is reset": (_, ends) => ends[1]!.reset(),
  "a channel is closed": (_, ends) => ends[2]!.close(),
  "all channels are half-closed": (_, ends) => Promise.all(ends.map((end) => end.closeWrite())),
};

for (const [how, end] of Object.entries(ENDS)) {
  Deno.test(`with short shares, ${how} in the middle of a body: its buffer is given back, and no byte of it is used`, async () => {
    for (const at of [KEY, KEY + 7, FRAGMENT, FRAGMENT + 1, FRAGMENT + 2000]) {
      const { inUse } = bufferBytes(), { network, association, ends, bodies, ended } = await receiving();
      await Promise.all(ends.map((end, index) => writeAll(end, SHARES[index]!.subarray(0, at))));
      await settle();
      assertEquals(bufferBytes().inUse > inUse, at > FRAGMENT);
      await end(association, ends);
      await ended;
      await settle();
      assertEquals([bodies, bufferBytes().inUse - inUse], [[], 0], `after ${at} bytes`);
      for (const one of ends) one.close();
      await settle();
      assertEquals(network.openEnds, 0);
    }
  });
}

Deno.test("with short shares, a head that was changed ends the association although its body has begun, which costs no buffer", async () => {
  const { inUse } = bufferBytes(), { network, association, ends, bodies, ended } = await receiving();
  const changed = SHARES.map((share) => share.slice());
  changed[1]![KEY - 1]! ^= 1;
  await Promise.all(ends.map((end, index) => writeAll(end, changed[index]!.subarray(0, FRAGMENT + 100))));
  assertInstanceOf(await ended, RecordError);
  await settle();
  assertEquals([bodies, bufferBytes().inUse - inUse, association.ended], [[], 0, true]);
  for (const one of ends) one.close();
  await settle();
  assertEquals(network.openEnds, 0);
});
