/** A side that sends without ever reading: what is owed to it is bounded. */
import { assert, assertEquals } from "@std/assert";
import { Chunk } from "../../src/net/chunk.ts";
import { RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";
import { Multiplexer } from "../../src/streams/multiplexer.ts";
import { concat } from "../../src/wire/concat.ts";
import { ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { associatedPair } from "../support/handlers/pair.ts";
import { OPEN, streamsOptions } from "../support/handlers/session_pair.ts";
import { dataFrame } from "../support/wire/frames.ts";
import { quiet } from "./sides.ts";

/** Streams that the server allows at a time. */
const STREAMS = 128;

/** Frames that wait for a client which reads nothing, at most. */
const REASON = /^the other side does not read: more than 1024 frames wait to be sent$/;

/** Sends frames of a client that never reads, until the server aborts the association. @returns Its reason, and the count. */
async function send(frames: (number: number) => Uint8Array[], most: number) {
  const pair = await associatedPair(2);
  const server = new Multiplexer(
    pair.server,
    streamsOptions(pair.clock, {
      maxStreams: () => STREAMS,
      maxCredit: () => 65_536,
      opened(stream, { destination: { port } }) {
        stream.receiver = { data: (bytes) => stream.taken(bytes.length), ended() {}, failed() {} };
        if (port === 80) return;
        stream.answer(ResultCode.NotAllowed, "no target for this port");
        server.release();
      },
    }),
  );
  const writer = pair.client.writable.getWriter(), encoder = new RecordEncoder(systemPads);
  writer.closed.catch(() => {});
  let number = 0;
  while (number < most && !pair.server.ended) {
    const record = concat([new Uint8Array(RECORD_HEAD_LENGTH), ...frames(++number)]);
    const key = encoder.started ? [] : [encoder.key()];
    encoder.seal(record);
    await writer.write(new Chunk(concat([...key, record]), () => {})).catch(() => {});
    if (number % 64 === 0) await quiet();
  }
  await quiet();
  const reason = pair.server.reason?.message ?? "";
  pair.client.end();
  pair.server.end();
  await quiet();
  assertEquals(server.size, 0);
  return { reason, number };
}

Deno.test("a client that requests what is refused, and reads no answer, is aborted", async () => {
  const port = { destination: { kind: "port", port: 9 } } as const;
  const { reason, number } = await send((number) => [encode.open(number, port)], 20_000);
  assert(REASON.test(reason), `${reason} after ${number} streams`);
});

Deno.test("a client that sends for ever, and reads no CREDIT, is aborted", async () => {
  const bytes = new Uint8Array(32_768);
  const first = [encode.open(1, OPEN)];
  const { reason, number } = await send((number) => number === 1 ? first : [dataFrame(1, bytes)], 8_000);
  assert(REASON.test(reason), `${reason} after ${number} records`);
});
