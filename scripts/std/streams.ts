/**
 * The part of `@std/streams` that the project uses, over `node:stream/consumers`, for networks that don't reach jsr.io.
 *
 * @module
 */

import { arrayBuffer, json, text } from "node:stream/consumers";

type Bytes = ReadableStream<Uint8Array>;

/** Reads a stream of strings, or of bytes in UTF-8, to its end. Rejects if the stream does. */
export function toText(stream: ReadableStream<string> | Bytes): Promise<string> {
  // node's types accept only node's own ReadableStream; the function itself accepts any async iterable.
  return text(stream as unknown as AsyncIterable<string>);
}

/** Reads a stream of bytes to its end into one new buffer. Rejects if the stream does. */
export function toArrayBuffer(stream: Bytes): Promise<ArrayBuffer> {
  return arrayBuffer(stream as unknown as AsyncIterable<Uint8Array>);
}

/** Reads a stream to its end as JSON. Rejects with a `SyntaxError` if it is not JSON. */
export function toJson(stream: ReadableStream<string> | Bytes): Promise<unknown> {
  return json(stream as unknown as AsyncIterable<string>);
}
