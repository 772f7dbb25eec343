/**
 * A bit of every byte of a direction is flipped in turn, as the owner of any channel can: in KEY, in the heads of the first,
 * a middle and the last record, and in every type of frame. The association is aborted, and of the record that was changed
 * nothing is used, nor of any behind it.
 */
import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordError } from "../../src/records/record_decoder.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { systemPads } from "../../src/sharing/system_pads.ts";
import { concat } from "../../src/wire/concat.ts";
import { FrameType, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { byHand, open, quiet } from "../streams/sides.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import { dataFrame } from "../support/wire/frames.ts";
import { sealed } from "./sealed.ts";

const BYTES = new TextEncoder().encode("password=hunter2"), PAYLOAD = Uint8Array.of(1, 2, 3, 4);
const WORKERS = { count: 2, id: new Uint8Array(16) };

/** Frames of each record that a client sends. */
const UP: readonly Uint8Array[][] = [
  [encode.workers(WORKERS), encode.open(1, OPEN), dataFrame(1, BYTES)],
  [encode.open(2, OPEN), encode.ping(PAYLOAD), encode.credit(1, 5)],
  [encode.blocked(1), encode.pong(PAYLOAD), encode.end(1)],
  [encode.reset(2, ResetCode.Application), encode.open(3, OPEN)],
];

/** Frames of each record that a server sends to a client that has opened three streams. */
const DOWN: readonly Uint8Array[][] = [
  [encode.workers(WORKERS), encode.result(1, ResultCode.Ok), dataFrame(1, BYTES), encode.streams(200)],
  [encode.result(2, ResultCode.Refused, "no"), encode.credit(1, 5), encode.blocked(1), encode.result(3, ResultCode.Ok)],
  [encode.ping(PAYLOAD), encode.pong(PAYLOAD), encode.end(1), dataFrame(3, BYTES)],
  [encode.reset(3, ResetCode.Application), encode.bye(3)],
];

/** The other side of an association, after message bytes that came in pieces. */
async function after(role: "client" | "server", pieces: readonly Uint8Array[]) {
  const run = await byHand(role), { side, peer } = run;
  if (role === "client") { for (let stream = 0; stream < 3; stream++) open(side); }
  await quiet();
  peer.heard.splice(0);
  for (const piece of pieces) {
    await peer.sendBytes(piece).catch(() => {});
    await quiet();
  }
  const { fault } = side.association;
  const seen = {
    opened: side.streams.opened,
    leaving: side.streams.leaving && fault === null,
    workers: side.streams.workers,
    receivers: side.receivers.map(({ bytes, events }) => ({
      bytes,
      events: events.filter((one) => one !== fault?.message),
    })),
    failed: side.receivers.filter(({ events }) => fault !== null && events.at(-1) === fault.message).length,
  };
  const size = side.streams.size, answers = peer.heard.map(({ type }) => FrameType[type]!);
  const { refusedRecords } = side.counters;
  await run.finish();
  return { ...seen, size, fault, refusedRecords, answers };
}

/** The offset behind each part: KEY, then the head and the body of each record, with the record's number from 1. */
function partsOf(records: readonly Uint8Array[]): { readonly end: number; readonly record: number }[] {
  const parts = [{ end: KEY_LENGTH, record: 1 }];
  let start = KEY_LENGTH;
  records.forEach((record, index) => {
    const length = record.length - (index === 0 ? KEY_LENGTH : 0);
    parts.push({ end: start + RECORD_HEAD_LENGTH, record: index + 1 }, { end: start += length, record: index + 1 });
  });
  return parts;
}

for (const [role, frames] of [["server", UP], ["client", DOWN]] as const) {
  Deno.test(`a bit of any byte that a ${role} receives flipped: nothing of its record is used, and all streams are reset`, async () => {
    const encoder = new RecordEncoder(systemPads);
    const records = frames.map((frames) => sealed(encoder, ...frames));
    const whole = concat(records), parts = partsOf(records);
    const before = await Promise.all([...records, null].map((_, count) => after(role, records.slice(0, count))));
    for (const { fault } of before) assertEquals(fault, null);
    for (let at = 0; at < whole.length; at++) {
      const { record } = parts.find(({ end }) => at < end)!;
      const changed = whole.slice();
      changed[at]! ^= 1 << at % 8;
      const start = concat(records.slice(0, record - 1)).length;
      const result = await after(role, [...records.slice(0, record - 1), changed.subarray(start)]);
      const expected = before[record - 1]!, name = `byte ${at}, of record ${record}`;
      assertInstanceOf(result.fault, RecordError, name);
      assertMatch(result.fault.message, /tampered with$|^a record of \d+ bytes; 1 to 65536 are allowed$/);
      assertEquals([result.refusedRecords, result.size], [1, 0], name);
      const { opened, workers, receivers } = result;
      assertEquals(
        { opened, workers, receivers },
        { opened: expected.opened, workers: expected.workers, receivers: expected.receivers },
        name,
      );
      assertEquals(result.failed, expected.size, name);
      assert(result.answers.every((answer, index) => answer === expected.answers[index]), name);
    }
  });
}
