import type { Chunk } from "../net/chunk.ts";
import { RecordDecoder } from "./record_decoder.ts";
import { RecordReader } from "./record_reader.ts";

/**
 * Opens the records in one direction's message bytes: passes on the verified bodies of those that end in a chunk, together;
 * their reader holds each. Fails with a `RecordError` at the first record that is not right, and passes nothing of
 * that chunk.
 *
 * @param decoder Default: one with the fastest hash of this system.
 */
export function recordOpener(decoder: RecordDecoder = new RecordDecoder()): TransformStream<Chunk, readonly Chunk[]> {
  const reader = new RecordReader(decoder);
  return new TransformStream({
    transform(chunk, controller) {
      const bodies: Chunk[] = [];
      reader.push(chunk);
      for (let body = reader.next(); body !== null; body = reader.next()) bodies.push(body);
      if (bodies.length > 0) controller.enqueue(bodies);
    },
  });
}
