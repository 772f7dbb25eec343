/** The frame decoder gives the same frames however a stream is cut. */

import { assert, assertEquals } from "@std/assert";
import { type Frame, FRAME_HEAD_LENGTH, FrameType } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { bytesOf, dataFrame, everyFrame, framesSent, joined, receive } from "../support/wire/frames.ts";
import { concat } from "../../src/wire/concat.ts";
import { cutsOf, fc, record } from "../support/random/property.ts";
import { forSeeds, Random } from "../support/random/random.ts";

const random = new Random(1).fill;

function assertWhole(pieces: Iterable<Uint8Array>, expected: readonly Frame[], message?: string): void {
  const { frames, error, atBoundary } = receive(pieces);
  assertEquals(error, undefined, message);
  assertEquals(frames, expected as Frame[], message);
  assert(atBoundary, message);
}

Deno.test("three frames decode whatever the cuts at and next to the boundaries of a head's fields", () => {
  const encoder = new FrameEncoder(random), key = encoder.key();
  const payload = Uint8Array.of(1, 2), data = Uint8Array.of(3, 4, 5);
  const bytes = concat([encoder.ping(payload), dataFrame(encoder, data), encoder.pong(new Uint8Array(0))]);
  const expected: Frame[] = [
    { type: FrameType.Key },
    { type: FrameType.Ping, payload },
    { type: FrameType.Data, bytes: data },
    { type: FrameType.Pong, payload: new Uint8Array(0) },
  ];
  assertEquals(bytes.length, 38 + 39 + 36);
  // Around the bodies and the second head: type, length, mask, tag.
  const places = [1, 4, 20, 35, 36, 37, 38, 39, 42, 58, 73, 74, 75, 76, 77, 78, 112];
  for (let cuts = 0; cuts < 2 ** places.length; cuts++) {
    const at = places.filter((_, bit) => cuts >> bit & 1);
    const pieces = [0, ...at].map((start, index) => bytes.subarray(start, at[index]));
    assertWhole([key, ...pieces], expected, `cuts at ${at}`);
  }
});

Deno.test("frames of every type decode from single bytes, each at its last byte", () => {
  const decoder = new FrameDecoder();
  for (const { bytes, frame } of everyFrame(random)) {
    bytes.forEach((byte, at) => {
      decoder.push(Uint8Array.of(byte));
      const got = decoder.next();
      if (frame.type === FrameType.Data && at >= FRAME_HEAD_LENGTH) {
        assertEquals(got, { type: frame.type, bytes: Uint8Array.of(byte) });
      } else assertEquals(got, at === bytes.length - 1 ? frame : null);
      assertEquals(got === null ? null : decoder.next(), null);
    });
  }
  assert(decoder.atBoundary);
});

Deno.test("frames of every type decode from every cut in two, and a shorter stream from every cut in three", () => {
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

Deno.test("any frames decode to the same, wherever the stream is cut", () => {
  const cases = framesSent().chain((sent) => record({ sent: fc.constant(sent), pieces: cutsOf(bytesOf(sent)) }));
  fc.assert(fc.property(cases, ({ sent, pieces }) => assertWhole(pieces, joined(sent.map(({ frame }) => frame)))));
});

Deno.test("a megabyte of DATA in frames of many sizes, then END, decodes from random cuts", async () => {
  await forSeeds(3, (random) => {
    const encoder = new FrameEncoder(random.fill), key = encoder.key();
    const payloads = [524_288, 1, 65_536, 65_535, 524_287, 3, 200_000, random.between(1, 524_288)].map((length) => {
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
