/**
 * What the project uses of `@std/streams`, over `node:stream/consumers`, for networks that don't reach jsr.io.
 *
 * @module
 */

import { arrayBuffer, json, text } from "node:stream/consumers";

type Bytes = ReadableStream<Uint8Array>;

/** Reads a stream of strings, or of bytes in UTF-8, to its end. Rejects as the stream does. */
export function toText(stream: ReadableStream<string> | Bytes): Promise<string> {
  // node's types know only node's own ReadableStream; any async iterable does
  return text(stream as unknown as AsyncIterable<string>);
}

/** Reads a stream of bytes to its end into one new buffer. Rejects as the stream does. */
export function toArrayBuffer(stream: Bytes): Promise<ArrayBuffer> {
  return arrayBuffer(stream as unknown as AsyncIterable<Uint8Array>);
}

/** Reads a stream to its end as JSON. Rejects with a `SyntaxError` where it is none. */
export function toJson(stream: ReadableStream<string> | Bytes): Promise<unknown> {
  return json(stream as unknown as AsyncIterable<string>);
}
