/**
 * What someone can do who changes message bytes without knowing the key: for XOR shares, whoever owns one channel.
 * Control frames can't be changed, made, dropped, repeated or moved, nor DATA bytes before them added or lost.
 */

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { WireError } from "../../src/wire/decoder.ts";
import { FRAME_HEAD_LENGTH, FrameType, isControl, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { bytesOf, concat, controlOf, dataFrame, everyFrame, receive, type Sent } from "../support/frames.ts";
import { forSeeds, Random } from "../support/random.ts";

const TAMPERED = "with a wrong tag: the message was tampered with";

function flip(bytes: Uint8Array, bit: number): Uint8Array<ArrayBuffer> {
  const flipped = bytes.slice() as Uint8Array<ArrayBuffer>;
  flipped[bit >> 3]! ^= 1 << bit % 8;
  return flipped;
}

/** Asserts that bytes give the first `count` control frames of those sent, and are refused then, for such a reason. */
function assertRefused(bytes: Uint8Array, sent: readonly Sent[], count: number, reason: string, message: string): void {
  const { frames, error } = receive([bytes]);
  assertInstanceOf(error, WireError, message);
  assertStringIncludes(error.message, reason, message);
  assertEquals(controlOf(frames), controlOf(sent.map(({ frame }) => frame)).slice(0, count), message);
}

/** Asserts that bytes give no control frame that was not sent, nor one in another's place, and don't end in order. */
function assertHarmless(bytes: Uint8Array, sent: readonly Sent[], most: number, message: string): void {
  const { frames, atBoundary } = receive([bytes]);
  const got = controlOf(frames), expected = controlOf(sent.map(({ frame }) => frame));
  assert(got.length <= most, `${message}: ${got.length} control frames`);
  assertEquals(got, expected.slice(0, got.length), message);
  assert(!atBoundary, `${message}: taken as a whole stream`);
}

/** How many control frames are among the first `count` frames. */
function controlBefore(sent: readonly Sent[], count: number): number {
  return sent.slice(0, count).filter(({ frame }) => isControl(frame.type)).length;
}

Deno.test("a control frame with any one bit of its body, its mask or its tag flipped is refused", () => {
  const sent = everyFrame(new Random(1).fill);
  let flips = 0;
  sent.forEach(({ bytes, frame }, index) => {
    if (!isControl(frame.type)) return;
    const before = bytesOf(sent.slice(0, index)), behind = bytesOf(sent.slice(index + 1));
    for (let bit = FRAME_HEAD_LENGTH * 8; bit < bytes.length * 8; bit++, flips++) {
      const changed = concat([before, flip(bytes, bit), behind]);
      assertRefused(changed, sent, controlBefore(sent, index), TAMPERED, `frame ${index}, bit ${bit}`);
    }
  });
  assertEquals(flips, (36 + 33 + 32 + 308 + 51 + 33 + 32 + 32) * 8);
});

Deno.test("any frame with one bit of its head flipped never makes a control frame that was not sent", () => {
  const sent = everyFrame(new Random(2).fill);
  sent.forEach(({ bytes, frame }, index) => {
    if (frame.type === FrameType.Ping || frame.type === FrameType.Pong) return;
    const before = bytesOf(sent.slice(0, index)), behind = bytesOf(sent.slice(index + 1));
    for (let bit = 0; bit < FRAME_HEAD_LENGTH * 8; bit++) {
      const changed = concat([before, flip(bytes, bit), behind]);
      assertHarmless(changed, sent, controlBefore(sent, index), `frame ${index}, bit ${bit}`);
    }
  });
});

Deno.test("a PING or PONG with one bit flipped anywhere never makes a control frame that was not sent", () => {
  const sent = everyFrame(new Random(3).fill), control = controlOf(sent.map(({ frame }) => frame));
  sent.forEach(({ bytes, frame }, index) => {
    if (frame.type !== FrameType.Ping && frame.type !== FrameType.Pong) return;
    const before = bytesOf(sent.slice(0, index)), behind = bytesOf(sent.slice(index + 1));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const got = controlOf(receive([concat([before, flip(bytes, bit), behind])]).frames);
      assertEquals(got, control.slice(0, got.length), `frame ${index}, bit ${bit}`);
    }
  });
});

Deno.test("a KEY with any one bit flipped makes the first control frame fail, whichever it is", () => {
  const first: readonly ((encoder: FrameEncoder) => Uint8Array)[] = [
    (encoder) => encoder.open({ destination: { kind: "name", port: 443, host: "www.example.com" } }),
    (encoder) => encoder.result(ResultCode.Ok),
    (encoder) => encoder.end(),
    (encoder) => encoder.reset(ResetCode.Shutdown),
    (encoder) => encoder.bye(),
  ];
  for (const encode of first) {
    const encoder = new FrameEncoder(new Random(4).fill), key = encoder.key(), bytes = encode(encoder);
    assertEquals(receive([key, bytes]).error, undefined);
    for (let bit = FRAME_HEAD_LENGTH * 8; bit < key.length * 8; bit++) {
      assertRefused(concat([flip(key, bit), bytes]), [], 0, TAMPERED, `bit ${bit}`);
    }
  }
});

Deno.test("many random changes of a stream give no control frame that was not sent", async () => {
  await forSeeds(3000, (random) => {
    const sent = everyFrame(random.fill), bytes = bytesOf(sent), changed = bytes.slice();
    for (let count = random.between(1, 8); count > 0; count--) {
      const at = random.below(bytes.length);
      changed[at] = random.pick([changed[at]! ^ 1 << random.below(8), random.below(9), random.below(256)]);
    }
    const got = controlOf(receive(random.cuts(changed, 200)).frames);
    assertEquals(got, controlOf(sent.map(({ frame }) => frame)).slice(0, got.length));
  });
});

Deno.test("a frame turned into one of another type and of a length that fits is refused, or the next one is", () => {
  const sent = everyFrame(new Random(5).fill);
  sent.slice(0, -1).forEach(({ bytes, frame }, index) => {
    for (let type = 0; type < 9; type++) {
      if (type === frame.type || type === FrameType.Ping || type === FrameType.Pong) continue;
      for (const length of new Set([0, 1, 32, 33, 36, bytes.length - FRAME_HEAD_LENGTH])) {
        const turned = new Uint8Array(FRAME_HEAD_LENGTH + length);
        turned.set(bytes.subarray(0, turned.length));
        turned.set([type, 0, length >> 8, length]);
        const changed = concat([bytesOf(sent.slice(0, index)), turned, bytesOf(sent.slice(index + 1))]);
        assertHarmless(changed, sent, controlBefore(sent, index), `frame ${index} as type ${type} of ${length}`);
      }
    }
  });
});

Deno.test("a control frame that was dropped makes the next one fail", () => {
  const sent = everyFrame(new Random(6).fill), last = sent.length - 1;
  sent.forEach(({ frame }, index) => {
    if (!isControl(frame.type) || index === last) return;
    const left = sent.filter((_, place) => place !== index);
    assertRefused(bytesOf(left), sent, controlBefore(sent, index), TAMPERED, `without frame ${index}`);
  });
});

Deno.test("a control frame that comes again, at once or later, is refused", () => {
  const sent = everyFrame(new Random(7).fill);
  sent.forEach((one, index) => {
    if (!isControl(one.frame.type)) return;
    for (let place = index + 1; place <= sent.length; place++) {
      const again = [...sent.slice(0, place), one, ...sent.slice(place)];
      assertRefused(bytesOf(again), sent, controlBefore(sent, place), TAMPERED, `frame ${index} again at ${place}`);
    }
  });
});

Deno.test("control frames in another order are refused at the first that is not in its place", () => {
  const sent = everyFrame(new Random(8).fill);
  for (let i = 1; i < sent.length; i++) {
    for (let j = i + 1; j < sent.length; j++) {
      if (!isControl(sent[i]!.frame.type) || !isControl(sent[j]!.frame.type)) continue;
      const exchanged = sent.with(i, sent[j]!).with(j, sent[i]!);
      assertRefused(bytesOf(exchanged), sent, controlBefore(sent, i), TAMPERED, `frames ${i} and ${j} exchanged`);
    }
  }
});

Deno.test("two ENDs in one direction can't stand for each other", () => {
  const encoder = new FrameEncoder(new Random(9).fill), key = encoder.key(), first = encoder.end();
  const second = encoder.end();
  assertEquals(receive([key, first, second]).error, undefined);
  assertRefused(concat([key, second, first]), [], 0, TAMPERED, "exchanged");
});

Deno.test("a control frame of another direction is refused", () => {
  const [here, there] = [new FrameEncoder(new Random(10).fill), new FrameEncoder(new Random(11).fill)];
  const key = here.key();
  there.key();
  assertRefused(concat([key, there.end()]), [], 0, TAMPERED, "of another direction");
});

Deno.test("DATA bytes that are lost, added or moved before a control frame make it fail", () => {
  const make = (): [key: Uint8Array, data: (payload: string) => Uint8Array, encoder: FrameEncoder] => {
    const encoder = new FrameEncoder(new Random(12).fill), key = encoder.key();
    return [key, (payload) => dataFrame(encoder, Uint8Array.fromHex(payload)), encoder];
  };
  const [key, data, encoder] = make();
  const one = data("010203"), two = data("04"), end = encoder.end(), three = data("05"), bye = encoder.bye();
  assertEquals(receive([key, one, two, end, three, bye]).error, undefined);
  const frame = (payload: string): Uint8Array =>
    concat([Uint8Array.of(3, 0, 0, payload.length / 2), Uint8Array.fromHex(payload)]);
  const refusedAtEnd: Record<string, Uint8Array[]> = {
    "all lost": [key, end],
    "the first frame lost": [key, two, end],
    "the last frame lost": [key, one, end],
    "a byte lost": [key, frame("0102"), two, end],
    "a byte added": [key, frame("01020304"), two, end],
    "a frame added": [key, one, two, frame("09"), end],
    "a frame repeated": [key, one, one, two, end],
    "moved behind": [key, one, end, two, three, bye],
    "moved before": [key, one, two, three, end, bye],
  };
  for (const [message, frames] of Object.entries(refusedAtEnd)) {
    assertRefused(concat(frames), [], 0, `END ${TAMPERED}`, message);
  }
  const refusedAtBye: Record<string, Uint8Array[]> = {
    "lost later": [key, one, two, end, bye],
    "added later": [key, one, two, end, three, frame("09"), bye],
  };
  for (const [message, frames] of Object.entries(refusedAtBye)) {
    const { frames: got, error } = receive(frames);
    assertInstanceOf(error, WireError, message);
    assertEquals(controlOf(got), [{ type: FrameType.End }], message);
  }
  // only their number is covered: how DATA is cut into frames, and what it says, are not
  assertEquals(receive([key, frame("09090909"), end]).error, undefined);
});

Deno.test("a control frame made from known DATA with a guessed tag is refused", async () => {
  await forSeeds(300, (random) => {
    const encoder = new FrameEncoder(random.fill), key = encoder.key();
    const data = dataFrame(encoder, random.bytes(random.pick([32, 33, 36])));
    const made = concat([data]);
    made[0] = data.length === 36 ? random.pick([FrameType.End, FrameType.Bye]) : FrameType.Result;
    random.fill(made.subarray(-32));
    assertRefused(concat([key, made]), [], 0, TAMPERED, "made");
  });
});
