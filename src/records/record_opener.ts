import type { Chunk } from "../net/chunk.ts";
import { RecordDecoder } from "./record_decoder.ts";
import { RecordReader } from "./record_reader.ts";

/**
 * Opens the records in one direction's message bytes: passes on the verified bodies, each of whose chunks its reader holds.
 * Fails with a `WireError` at the first record that is not right, before any of it has passed.
 *
 * @param decoder Default: one with the fastest hash of this system.
 */
export function recordOpener(decoder: RecordDecoder = new RecordDecoder()): TransformStream<Chunk, Chunk> {
  const reader = new RecordReader(decoder);
  return new TransformStream({
    transform(chunk, controller) {
      reader.push(chunk);
      for (let body = reader.next(); body !== null; body = reader.next()) controller.enqueue(body);
    },
  });
}
