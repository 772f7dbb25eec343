import type { Chunk } from "../net/chunk.ts";
import { RecordDecoder } from "./record_decoder.ts";
import { RecordReader } from "./record_reader.ts";

/**
 * Opens the records in one direction's message bytes, given chunk by chunk, whose holding it takes over.
 *
 * @returns The verified bodies of the records that end in the chunk, together; their reader holds each. null if none ends
 * there.
 * @throws {RecordError} At the first record that is not right: nothing of that chunk is returned, nor of any behind it.
 */
export type RecordOpener = (chunk: Chunk) => readonly Chunk[] | null;

/** Creates an opener that has been given nothing. @param decoder Default: one with the fastest hash of this system. */
export function recordOpener(decoder: RecordDecoder = new RecordDecoder()): RecordOpener {
  const reader = new RecordReader(decoder);
  return (chunk) => {
    const bodies: Chunk[] = [];
    reader.push(chunk);
    for (let body = reader.next(); body !== null; body = reader.next()) bodies.push(body);
    return bodies.length > 0 ? bodies : null;
  };
}
