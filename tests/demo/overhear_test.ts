import { assertEquals } from "@std/assert";
import { bytesOf, overhear, xorOf } from "../../src/demo/overhear.ts";
import type { Recording } from "../../src/demo/tap.ts";
import { Tape } from "../../src/demo/tape.ts";
import { RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { xor } from "../../src/sharing/xor.ts";
import { encodeAssociate } from "../../src/wire/associate.ts";
import { concat } from "../../src/wire/concat.ts";
import { ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { encodeGreeting } from "../../src/wire/greeting.ts";
import { dataFrame } from "../support/wire/frames.ts";
import { Random } from "../support/random/random.ts";

/** Downward message bytes: KEY, then a record for each list of frames. */
function messageOf(random: Random, ...records: Uint8Array[][]): Uint8Array {
  const encoder = new RecordEncoder(random.fill), key = encoder.key();
  const sealed = records.map((frames) => {
    const record = concat([new Uint8Array(RECORD_HEAD_LENGTH), ...frames]);
    encoder.seal(record);
    return record;
  });
  return concat([key, ...sealed]);
}

/** Recordings of taps on three channels of an association that carries `message` down. */
function record(random: Random, message: Uint8Array): Recording[] {
  const cookies = [0, 1, 2].map(() => random.bytes(16));
  const list = encodeAssociate({ scheme: xor.id, threshold: 3, cookies });
  const shares = cookies.map(() => new Uint8Array(message.length));
  xor.split(message, shares, random.fill);
  return shares.map((share, index) => {
    const recording = { up: new Tape(100_000), down: new Tape(100_000) };
    for (const bytes of [list, random.bytes(20)]) recording.up.add(bytes);
    for (const bytes of [encodeGreeting(cookies[index]!), list, share]) recording.down.add(bytes);
    return recording;
  });
}

Deno.test("three recordings give back the answers of all sessions, also of those that ran side by side", () => {
  const random = new Random(1), { result, end } = encode;
  const [first, second, other] = [random.bytes(3), random.bytes(500), random.bytes(1)] as const;
  const message = messageOf(
    random,
    [result(1, ResultCode.Ok), dataFrame(1, first), result(2, ResultCode.Ok)],
    [dataFrame(2, other), dataFrame(1, second), end(2)],
    [end(1)],
  );
  const taps = record(random, message).map((recording) => [recording]);
  const [overheard, ...others] = overhear(taps);
  assertEquals(others, []);
  assertEquals(overheard!.message, message);
  const answers = overheard!.answers.map((answer) => bytesOf(overheard!.message, answer));
  assertEquals<unknown>(answers, [concat([first, second]), other]);
});

Deno.test("a piece has the same offset in every share as in the message", () => {
  const random = new Random(2), bytes = random.bytes(100);
  const message = messageOf(random, [encode.result(1, ResultCode.Ok), dataFrame(1, bytes)]);
  const [overheard] = overhear(record(random, message).map((recording) => [recording]));
  const [{ position, length } = { position: -1, length: -1 }] = overheard!.answers[0]!;
  assertEquals(xorOf(overheard!.shares.map((share) => share.subarray(position, position + length))), bytes);
});

Deno.test("recordings are matched by their lists, in any order", () => {
  const random = new Random(3);
  const messages = [10, 20].map((length) => messageOf(random, [dataFrame(1, random.bytes(length))]));
  const [one, two] = messages.map((message) => record(random, message));
  const taps = [[one![0]!, two![0]!], [two![1]!, one![1]!], [one![2]!, two![2]!]];
  assertEquals(overhear(taps).map(({ message }) => message), messages);
});

Deno.test("an association missing from a tap is left out", () => {
  const random = new Random(4);
  const [a, b] = record(random, messageOf(random));
  assertEquals(overhear([[a!], [b!], []]), []);
});

Deno.test("bytes missing from one recording are missing from the result", () => {
  const random = new Random(5);
  const message = messageOf(random, [dataFrame(1, random.bytes(1_000))]);
  const taps = record(random, message);
  const short = { up: taps[1]!.up, down: new Tape(500) };
  short.down.add(taps[1]!.down.bytes);
  const [overheard] = overhear([[taps[0]!], [short], [taps[2]!]]);
  assertEquals(overheard!.message, message.subarray(0, overheard!.message.length));
  assertEquals(overheard!.shares.map(({ length }) => length), new Array(3).fill(500 - 74));
});

Deno.test("XOR of two leaves both unchanged", () => {
  const [a, b] = [Uint8Array.of(1, 2, 3), Uint8Array.of(255, 2, 0)];
  assertEquals(xorOf([a, b]), Uint8Array.of(254, 0, 3));
  assertEquals([a, b], [Uint8Array.of(1, 2, 3), Uint8Array.of(255, 2, 0)]);
});
