/**
 * Tampering with message bytes without knowing the key: for XOR shares, the power of an attacker on one channel. It can
 * change DATA's content, bit for bit, and nothing else: no frame can be changed, forged, dropped, repeated, moved,
 * lengthened, shortened, or passed off as one of another type.
 */

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { WireError } from "../../src/wire/decoder.ts";
import { type Frame, FRAME_HEAD_LENGTH, frameName, FrameType, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { bytesOf, dataFrame, everyFrame, receive, type Sent, startOf } from "../support/wire/frames.ts";
import { concat } from "../../src/wire/concat.ts";
import { forSeeds, Random } from "../support/random/random.ts";

const TAMPERED = "with a wrong tag: the message was tampered with";

/** More than any body but DATA's, so that a frame that was made longer does not wait for bytes. */
const MORE = new Random(99).bytes(300);

function flip(bytes: Uint8Array, bit: number): Uint8Array<ArrayBuffer> {
  const flipped = bytes.slice() as Uint8Array<ArrayBuffer>;
  flipped[bit >> 3]! ^= 1 << bit % 8;
  return flipped;
}

/** Asserts that bytes give exactly these frames, and nothing of what comes then, which is refused for such a reason. */
function assertRefused(bytes: Uint8Array, given: readonly Frame[], reason: string, message: string): void {
  const { frames, error } = receive([bytes]);
  assertInstanceOf(error, WireError, message);
  assertStringIncludes(error.message, reason, message);
  assertEquals(frames, given as Frame[], message);
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return start.every((byte, index) => byte === bytes[index]);
}

/** The first `count` of the frames sent, as a decoder gives them. */
function first(sent: readonly Sent[], count: number): Frame[] {
  return sent.slice(0, count).map(({ frame }) => frame);
}

/** Asserts that a stream with other bytes in the place of one frame is refused there, and before any of it is given. */
function assertRefusedAt(sent: readonly Sent[], place: number, changed: Uint8Array, reason: string, message: string) {
  const bytes = concat([bytesOf(sent.slice(0, place)), changed, bytesOf(sent.slice(place + 1)), MORE]);
  assertRefused(bytes, first(sent, place), reason, message);
}

Deno.test("a frame of any type with any bit of its head flipped is refused, and nothing of it is returned", () => {
  const sent = everyFrame(new Random(1).fill);
  let flips = 0;
  sent.forEach(({ bytes }, index) => {
    if (index === 0) return;
    for (let bit = 0; bit < FRAME_HEAD_LENGTH * 8; bit++, flips++) {
      // Some lengths and types are refused before the tag is looked at.
      const reason = bit < 32 ? "" : TAMPERED;
      assertRefusedAt(sent, index, flip(bytes, bit), reason, `frame ${index}, bit ${bit}`);
    }
  });
  assertEquals(flips, 13 * 36 * 8);
});

Deno.test("a frame of any type but DATA with any bit of its body flipped is refused", () => {
  const sent = everyFrame(new Random(2).fill);
  let flips = 0;
  sent.forEach(({ bytes, frame }, index) => {
    if (frame.type === FrameType.Data) return;
    for (let bit = FRAME_HEAD_LENGTH * 8; bit < bytes.length * 8; bit++, flips++) {
      assertRefusedAt(sent, index, flip(bytes, bit), TAMPERED, `frame ${index}, bit ${bit}`);
    }
  });
  assertEquals(flips, (17 + 4 + 1 + 8 + 276 + 19 + 1) * 8);
});

Deno.test("a flipped bit of DATA's body passes and changes nothing else", () => {
  const sent = everyFrame(new Random(3).fill);
  let flips = 0;
  sent.forEach(({ bytes, frame }, index) => {
    if (frame.type !== FrameType.Data) return;
    for (let bit = 0; bit < frame.bytes.length * 8; bit++, flips++) {
      const stream = bytesOf(sent.with(index, { bytes: flip(bytes, FRAME_HEAD_LENGTH * 8 + bit), frame }));
      const { frames, error, atBoundary } = receive([stream]);
      assertEquals(error, undefined);
      assert(atBoundary);
      assertEquals(frames, first(sent, sent.length).with(index, { ...frame, bytes: flip(frame.bytes, bit) }));
    }
  });
  assertEquals(flips, (8 + 1) * 8);
});

Deno.test("a KEY with any bit flipped is refused, or makes the first frame fail", () => {
  const firsts: readonly ((encoder: FrameEncoder) => Uint8Array)[] = [
    (encoder) => encoder.open({ destination: { kind: "name", port: 443, host: "www.example.com" } }),
    (encoder) => encoder.result(ResultCode.Ok),
    (encoder) => dataFrame(encoder, Uint8Array.of(1, 2, 3)),
    (encoder) => encoder.end(),
    (encoder) => encoder.reset(ResetCode.Shutdown),
    (encoder) => encoder.ping(Uint8Array.of(4)),
    (encoder) => encoder.pong(new Uint8Array(0)),
    (encoder) => encoder.bye(),
    (encoder) => encoder.workers({ count: 2, id: new Uint8Array(16) }),
  ];
  for (const encode of firsts) {
    const encoder = new FrameEncoder(new Random(4).fill), key = encoder.key(), bytes = encode(encoder);
    assertEquals(receive([key, bytes]).error, undefined);
    for (let bit = 0; bit < key.length * 8; bit++) {
      const [given, reason] = bit < 32 ? [[], ""] : [[{ type: FrameType.Key } as const], TAMPERED];
      assertRefused(concat([flip(key, bit), bytes]), given, reason, `bit ${bit}`);
    }
  }
});

Deno.test("the same bit flipped in the first mask and in the first tag changes nothing", () => {
  const sent = everyFrame(new Random(5).fill), bytes = bytesOf(sent);
  const [mask, tag] = [20 * 8 + 5, (36 + 20) * 8 + 5];
  const { frames, error } = receive([flip(flip(bytes, mask), tag)]);
  assertEquals([frames, error], [first(sent, sent.length), undefined]);
  // Tags cover all later masks.
  for (let index = 1; index + 1 < sent.length; index++) {
    const own = bytesOf(sent.slice(0, index)).length, next = own + sent[index]!.bytes.length;
    const both = flip(flip(bytes, (own + 4) * 8), (next + 20) * 8);
    assertRefused(both, first(sent, index), TAMPERED, `the mask of frame ${index}, the tag of the next`);
  }
});

Deno.test("after random changes, only the frames before the first touched one are returned", async () => {
  await forSeeds(3000, (random) => {
    const sent = everyFrame(random.fill), stream = bytesOf(sent), bytes = stream.slice();
    const starts = sent.map((_, index) => bytesOf(sent.slice(0, index)).length);
    let touched = sent.length;
    const expected = first(sent, sent.length);
    const changed = Array.from({ length: random.between(1, 8) }, () => random.below(bytes.length));
    for (const at of changed) {
      bytes[at] = random.pick([bytes[at]! ^ 1 << random.below(8), random.below(9), random.below(256)]);
    }
    for (const at of new Set(changed)) {
      if (bytes[at] === stream[at]) continue;
      const index = starts.findLastIndex((start) => start <= at), offset = at - starts[index]!;
      const frame = expected[index]!;
      if (frame.type === FrameType.Data && offset >= FRAME_HEAD_LENGTH) {
        const body = frame.bytes.with(offset - FRAME_HEAD_LENGTH, bytes[at]!);
        expected[index] = { type: FrameType.Data, bytes: body };
      } else touched = Math.min(touched, index === 0 && offset >= 4 ? 1 : index);
    }
    const { frames, error } = receive(random.cuts(touched < sent.length ? concat([bytes, MORE]) : bytes, 200));
    assertEquals(frames, expected.slice(0, touched));
    assertEquals(error instanceof WireError, touched < sent.length);
  });
});

Deno.test("a frame turned into one of any other type or length is refused, and nothing of it is returned", () => {
  const sent = everyFrame(new Random(6).fill);
  const turns = new Set<string>();
  sent.forEach(({ bytes, frame }, index) => {
    const length = bytes.length - FRAME_HEAD_LENGTH, next = sent[index + 1]?.bytes.length ?? 0;
    for (let type = 0; type < 11; type++) {
      // Its own length, zero, those of other types, and lengths that swallow the next frame's head or all of it.
      for (const other of new Set([length, 0, 1, 4, 8, 17, 19, 276, length + 1, length + 36, length + next])) {
        if (type === frame.type && other === length) continue;
        const start = startOf(type, other), message = `frame ${index} as type ${type} of ${other}`;
        assertRefusedAt(sent, index, concat([start, bytes.subarray(4)]), "", message);
        const fitting = new Uint8Array(FRAME_HEAD_LENGTH + other);
        fitting.set(bytes.subarray(0, fitting.length));
        fitting.set(start);
        assertRefusedAt(sent, index, fitting, "", `${message}, cut or padded to that`);
        turns.add(`${frame.type} ${type}`);
      }
    }
  });
  assertEquals(turns.size, 10 * 11);
});

Deno.test("END and OPEN can't pass as DATA, nor DATA as PING: the tag fails", () => {
  const encoder = new FrameEncoder(new Random(7).fill), key = encoder.key();
  const open = { destination: { kind: "port", port: 80 } } as const, body = Uint8Array.of(1, 2, 3, 4);
  const sent: Sent[] = [
    { bytes: key, frame: { type: FrameType.Key } },
    { bytes: encoder.open(open), frame: { type: FrameType.Open, open } },
    { bytes: dataFrame(encoder, body), frame: { type: FrameType.Data, bytes: body } },
    { bytes: encoder.end(), frame: { type: FrameType.End } },
    { bytes: encoder.open(open), frame: { type: FrameType.Open, open } },
  ];
  const { Data, End, Open, Ping, Pong } = FrameType;
  const turns: [place: number, type: FrameType, length: number][] = [
    [1, Data, 4],
    [2, Ping, 4],
    [2, Pong, 4],
    [2, Open, 4],
    [3, Data, 1],
    [3, Data, 36],
    [3, Data, 40],
    [3, Ping, 0],
    [4, Data, 4],
    [4, End, 0],
  ];
  for (const [place, type, length] of turns) {
    const turned = concat([startOf(type, length), sent[place]!.bytes.subarray(4)]);
    assertRefusedAt(sent, place, turned, `${frameName(type)} ${TAMPERED}`, `frame ${place} as ${frameName(type)}`);
  }
});

Deno.test("after a dropped frame of any type the next one fails", () => {
  const sent = everyFrame(new Random(8).fill);
  for (let index = 0; index < sent.length - 1; index++) {
    const left = sent.filter((_, place) => place !== index);
    const reason = index === 0 ? "WORKERS before KEY" : TAMPERED;
    assertRefused(bytesOf(left), first(sent, index), reason, `without frame ${index}`);
  }
});

Deno.test("a repeated frame of any type is refused, at once or later", () => {
  const sent = everyFrame(new Random(9).fill);
  sent.forEach((one, index) => {
    for (let place = index + 1; place <= sent.length; place++) {
      const again = [...sent.slice(0, place), one, ...sent.slice(place)];
      const reason = index === 0 ? "a second KEY" : TAMPERED;
      assertRefused(bytesOf(again), first(sent, place), reason, `frame ${index} again at ${place}`);
    }
  });
});

Deno.test("reordered frames are refused at the first one out of place", () => {
  const sent = everyFrame(new Random(10).fill);
  for (let i = 1; i < sent.length; i++) {
    for (let j = i + 1; j < sent.length; j++) {
      const exchanged = sent.with(i, sent[j]!).with(j, sent[i]!);
      assertRefused(bytesOf(exchanged), first(sent, i), TAMPERED, `frames ${i} and ${j} exchanged`);
    }
  }
});

Deno.test("two frames of equal type and length in one direction can't be exchanged", () => {
  const makes: readonly ((encoder: FrameEncoder) => Uint8Array)[] = [
    (encoder) => encoder.end(),
    (encoder) => encoder.ping(new Uint8Array(0)),
    (encoder) => dataFrame(encoder, Uint8Array.of(1, 2, 3)),
  ];
  for (const make of makes) {
    const encoder = new FrameEncoder(new Random(11).fill), key = encoder.key();
    const one = make(encoder), two = make(encoder);
    assertEquals(receive([key, one, two]).error, undefined);
    assertRefused(concat([key, two, one]), [{ type: FrameType.Key }], TAMPERED, "exchanged");
    assertRefused(concat([key, two]), [{ type: FrameType.Key }], TAMPERED, "the first dropped");
  }
});

Deno.test("a frame of another direction is refused", () => {
  const [here, there] = [new FrameEncoder(new Random(12).fill), new FrameEncoder(new Random(13).fill)];
  const key = here.key();
  there.key();
  for (const bytes of [there.end(), dataFrame(there, Uint8Array.of(1)), there.ping(new Uint8Array(0))]) {
    assertRefused(concat([key, bytes]), [{ type: FrameType.Key }], TAMPERED, "of another direction");
  }
});

Deno.test("DATA that is lost, added, moved or cut differently is refused where it deviates", () => {
  const encoder = new FrameEncoder(new Random(14).fill), key = encoder.key();
  const data = (body: string): Uint8Array => dataFrame(encoder, Uint8Array.fromHex(body));
  const one = data("010203"), two = data("04"), end = encoder.end(), three = data("05"), bye = encoder.bye();
  assertEquals(receive([key, one, two, end, three, bye]).error, undefined);
  /** A frame's bytes with another length said, and another body. */
  const other = (frame: Uint8Array, body: string): Uint8Array =>
    concat([startOf(FrameType.Data, body.length / 2), frame.subarray(4, 36), Uint8Array.fromHex(body)]);
  const cases: Record<string, [given: string, refused: string, frames: Uint8Array[]]> = {
    "all lost": ["", "END", [key, end]],
    "the first frame lost": ["", "DATA", [key, two, end]],
    "the last frame lost": ["010203", "END", [key, one, end]],
    "a byte lost": ["", "DATA", [key, other(one, "0102"), two, end]],
    "a byte added": ["", "DATA", [key, other(one, "01020304"), two, end]],
    "both in one": ["", "DATA", [key, other(one, "01020304"), end]],
    "one as two": ["", "DATA", [key, other(one, "01"), other(one, "0203"), two, end]],
    "a frame added": ["01020304", "DATA", [key, one, two, other(two, "09"), end]],
    "a frame repeated": ["010203", "DATA", [key, one, one, two, end]],
    "moved behind": ["010203", "END", [key, one, end, two, three, bye]],
    "moved before": ["01020304", "DATA", [key, one, two, three, end, bye]],
    "lost later": ["01020304 END", "BYE", [key, one, two, end, bye]],
    "added later": ["01020304 END 05", "DATA", [key, one, two, end, three, other(three, "09"), bye]],
  };
  for (const [message, [given, refused, pieces]] of Object.entries(cases)) {
    const { frames, error } = receive(pieces);
    assertInstanceOf(error, WireError, message);
    assertEquals(error.message, `${refused} ${TAMPERED}`, message);
    const words = frames.slice(1).map((frame) => frame.type === FrameType.Data ? frame.bytes.toHex() : "END");
    assertEquals(words.join(" "), given, message);
  }
});

Deno.test("a forged frame is refused wherever it is inserted, whatever its mask and tag", async () => {
  let refused = 0;
  await forSeeds(1000, (random) => {
    const sent = everyFrame(random.fill), made = random.pick(everyFrame(random.fill).slice(1)).bytes;
    const place = random.between(1, sent.length);
    if (random.below(2)) random.fill(made.subarray(4, FRAME_HEAD_LENGTH));
    else if (place < sent.length) made.set(sent[place]!.bytes.subarray(4, FRAME_HEAD_LENGTH), 4);
    // Replace the whole expected head: the bytes after it may be another body of DATA.
    if (place < sent.length && startsWith(sent[place]!.bytes, made.subarray(0, FRAME_HEAD_LENGTH))) return;
    const changed = concat([bytesOf(sent.slice(0, place)), made, bytesOf(sent.slice(place)), MORE]);
    assertRefused(changed, first(sent, place), TAMPERED, `at ${place}`);
    refused++;
  });
  assert(refused > 900, `${refused}`);
});
