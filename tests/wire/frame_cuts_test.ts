/** The frame decoder gives the same frames however a stream is cut. */

import { assert, assertEquals } from "@std/assert";
import { type Frame, FrameType } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { bytesOf, concat, dataFrame, everyFrame, receive } from "../support/frames.ts";
import { forSeeds, Random } from "../support/random.ts";

const random = new Random(1).fill;

/** Cuts bytes before each index whose bit is set: bit 0 is that before byte 1. */
function cutAt(bytes: Uint8Array, cuts: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (let at = 1; at < bytes.length; at++) {
    if ((cuts >> (at - 1) & 1) === 0) continue;
    pieces.push(bytes.subarray(start, at));
    start = at;
  }
  return [...pieces, bytes.subarray(start)];
}

function assertWhole(pieces: Iterable<Uint8Array>, expected: readonly Frame[], message?: string): void {
  const { frames, error, atBoundary } = receive(pieces);
  assertEquals(error, undefined, message);
  assertEquals(frames, expected as Frame[], message);
  assert(atBoundary, message);
}

Deno.test("every way to cut three short frames gives those frames", () => {
  const encoder = new FrameEncoder(random), key = encoder.key();
  const payload = Uint8Array.of(1, 2), data = Uint8Array.of(3, 4, 5);
  const bytes = concat([encoder.ping(payload), dataFrame(encoder, data), encoder.pong(new Uint8Array(0))]);
  const expected: Frame[] = [
    { type: FrameType.Key },
    { type: FrameType.Ping, payload },
    { type: FrameType.Data, bytes: data },
    { type: FrameType.Pong, payload: new Uint8Array(0) },
  ];
  assertEquals(bytes.length, 17);
  for (let cuts = 0; cuts < 2 ** 16; cuts++) assertWhole([key, ...cutAt(bytes, cuts)], expected, `cuts ${cuts}`);
});

Deno.test("frames of every type come out of single bytes, each at its last byte", () => {
  const decoder = new FrameDecoder();
  for (const { bytes, frame } of everyFrame(random)) {
    bytes.forEach((byte, at) => {
      decoder.push(Uint8Array.of(byte));
      const got = decoder.next();
      if (frame.type === FrameType.Data && at >= 4) assertEquals(got, { type: frame.type, bytes: Uint8Array.of(byte) });
      else assertEquals(got, at === bytes.length - 1 ? frame : null);
      assertEquals(got === null ? null : decoder.next(), null);
    });
  }
  assert(decoder.atBoundary);
});

Deno.test("frames of every type come out of every cut in two, and of every cut in three of a shorter stream", () => {
  const sent = everyFrame(random), bytes = bytesOf(sent), expected = sent.map(({ frame }) => frame);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assertWhole([bytes.subarray(0, cut), bytes.subarray(cut)], expected, `cut at ${cut}`);
  }
  const few = sent.slice(0, 4), short = bytesOf(few), frames = few.map(({ frame }) => frame);
  for (let first = 0; first <= short.length; first++) {
    for (let second = first; second <= short.length; second++) {
      const pieces = [short.subarray(0, first), short.subarray(first, second), short.subarray(second)];
      assertWhole(pieces, frames, `cuts at ${first} and ${second}`);
    }
  }
});

Deno.test("frames of every type come out of random cuts, empty pieces among them", async () => {
  await forSeeds(200, (random) => {
    const sent = everyFrame(random.fill), pieces = random.cuts(bytesOf(sent), random.pick([2, 5, 40, 300]));
    const withEmpty = [...pieces].flatMap((piece) => random.below(4) ? [piece] : [new Uint8Array(0), piece]);
    assertWhole(withEmpty, sent.map(({ frame }) => frame));
  });
});

Deno.test("a megabyte of DATA in frames of many sizes comes out of random cuts, and END behind it", async () => {
  await forSeeds(3, (random) => {
    const encoder = new FrameEncoder(random.fill), key = encoder.key();
    const payloads = [262_144, 1, 65_536, 65_535, 262_143, 3, 200_000, random.between(1, 262_144)].map((length) => {
      const start = random.below(256);
      return Uint8Array.from({ length }, (_, index) => start + index * 7);
    });
    const bytes = concat([key, ...payloads.map((payload) => dataFrame(encoder, payload)), encoder.end()]);
    const data: Uint8Array[] = [], decoder = new FrameDecoder();
    let ends = 0;
    for (const piece of random.cuts(bytes, 100_000)) {
      decoder.push(piece);
      for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
        if (frame.type === FrameType.Data) data.push(frame.bytes);
        else if (frame.type === FrameType.End) ends++;
      }
    }
    assertEquals(concat(data), concat(payloads));
    assertEquals(ends, 1);
    assert(decoder.atBoundary);
  });
});
