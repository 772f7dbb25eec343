import { assertEquals } from "@std/assert";
import { bytesOf, overhear, xorOf } from "../../src/demo/overhear.ts";
import type { Recording } from "../../src/demo/tap.ts";
import { Tape } from "../../src/demo/tape.ts";
import { xor } from "../../src/sharing/xor.ts";
import { encodeAssociate } from "../../src/wire/associate.ts";
import { FRAME_HEAD_LENGTH, ResultCode } from "../../src/wire/frame.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { encodeGreeting } from "../../src/wire/greeting.ts";
import { Random } from "../support/random/random.ts";

/** Downward message bytes: KEY, then for each answer RESULT, its pieces as DATA, and END. */
function messageOf(random: Random, answers: readonly (readonly Uint8Array[])[]): Uint8Array {
  const encoder = new FrameEncoder(random.fill);
  const frames = [encoder.key()];
  for (const pieces of answers) {
    frames.push(encoder.result(ResultCode.Ok));
    for (const piece of pieces) {
      const head = new Uint8Array(FRAME_HEAD_LENGTH);
      encoder.dataHead(head, piece.length);
      frames.push(head, piece);
    }
    frames.push(encoder.end());
  }
  return Uint8Array.from(frames.flatMap((frame) => [...frame]));
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

Deno.test("three recordings give back the answers of all sessions", () => {
  const random = new Random(1);
  const pieces = [3, 500, 1].map((length) => random.bytes(length));
  const message = messageOf(random, [pieces.slice(0, 2), pieces.slice(2)]);
  const taps = record(random, message).map((recording) => [recording]);
  const [overheard, ...others] = overhear(taps);
  assertEquals(others, []);
  assertEquals(overheard!.message, message);
  const answers = overheard!.answers.map((answer) => bytesOf(overheard!.message, answer));
  assertEquals(answers, [Uint8Array.of(...pieces[0]!, ...pieces[1]!), pieces[2]!]);
});

Deno.test("a piece has the same offset in every share as in the message", () => {
  const random = new Random(2);
  const bytes = random.bytes(100);
  const [overheard] = overhear(record(random, messageOf(random, [[bytes]])).map((recording) => [recording]));
  const [{ position, length } = { position: -1, length: -1 }] = overheard!.answers[0]!;
  assertEquals(xorOf(overheard!.shares.map((share) => share.subarray(position, position + length))), bytes);
});

Deno.test("recordings are matched by their lists, in any order", () => {
  const random = new Random(3);
  const messages = [10, 20].map((length) => messageOf(random, [[random.bytes(length)]]));
  const [one, two] = messages.map((message) => record(random, message));
  const taps = [[one![0]!, two![0]!], [two![1]!, one![1]!], [one![2]!, two![2]!]];
  assertEquals(overhear(taps).map(({ message }) => message), messages);
});

Deno.test("an association missing from a tap is left out", () => {
  const random = new Random(4);
  const [a, b] = record(random, messageOf(random, []));
  assertEquals(overhear([[a!], [b!], []]), []);
});

Deno.test("bytes missing from one recording are missing from the result", () => {
  const random = new Random(5);
  const message = messageOf(random, [[random.bytes(1_000)]]);
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
