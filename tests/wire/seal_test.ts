import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { type ControlType, FrameType } from "../../src/wire/frame.ts";
import { KEY_LENGTH, Seal, SEAL_LENGTH } from "../../src/wire/seal.ts";
import { concat } from "../support/frames.ts";
import { forSeeds, Random } from "../support/random.ts";
import { tagOf } from "../support/reference.ts";

const CONTROL: readonly ControlType[] = [
  FrameType.Open,
  FrameType.Result,
  FrameType.End,
  FrameType.Reset,
  FrameType.Bye,
];

Deno.test("a key's payload has 32 bytes, and a seal adds 32", () => {
  assertEquals([KEY_LENGTH, SEAL_LENGTH], [32, 32]);
});

Deno.test("a direction's tags are what integers of any size make of them, and its receiver takes them", async () => {
  await forSeeds(40, (random) => {
    const keyAndMask = random.bytes(32), key = keyAndMask.slice(0, 16);
    const sender = new Seal(keyAndMask), receiver = new Seal(keyAndMask);
    let mask: Uint8Array = keyAndMask.slice(16), dataBytes = 0;
    for (let controlFrames = 0; controlFrames < 6; controlFrames++) {
      const length = random.below(3) * random.pick([1, 1000, 262_144]);
      sender.countData(length);
      receiver.countData(length);
      dataBytes += length;
      const type = random.pick(CONTROL), body = random.bytes(random.pick([0, 1, 15, 16, 17, 31, 32, 33, 276]));
      const nextMask = random.bytes(16);
      const payload = sender.seal(type, body, (into) => into.set(nextMask));
      const tag = tagOf({ key, mask, type, body, controlFrames, dataBytes, nextMask });
      assertEquals(payload, concat([body, nextMask, tag]));
      assertEquals(receiver.open(type, payload), body);
      mask = nextMask;
    }
  });
});

Deno.test("the counts of control frames and of DATA bytes reach beyond 65,535 and 2^32", () => {
  const random = new Random(3), keyAndMask = random.bytes(32), body = new Uint8Array(0);
  const seal = new Seal(keyAndMask);
  for (let i = 0; i < 2 ** 20; i++) seal.countData(262_144);
  seal.countData(5);
  let mask: Uint8Array = keyAndMask.slice(16), payload: Uint8Array = mask;
  for (let controlFrames = 0; controlFrames <= 65_536; controlFrames++) {
    payload = seal.seal(FrameType.End, body, random.fill);
    if (controlFrames < 65_536) mask = payload.slice(0, 16);
  }
  const nextMask = payload.slice(0, 16), key = keyAndMask.slice(0, 16);
  const tagged = { key, mask, type: FrameType.End, body, controlFrames: 65_536, dataBytes: 2 ** 38 + 5, nextMask };
  assertEquals(payload.slice(16), tagOf(tagged));
});

Deno.test("a seal keeps no hold of the arrays that it is given", () => {
  const random = new Random(5), keyAndMask = random.bytes(32);
  const sender = new Seal(keyAndMask.slice());
  const given = keyAndMask.slice(), receiver = new Seal(given);
  given.fill(0);
  for (let i = 0; i < 3; i++) {
    const payload = sender.seal(FrameType.End, new Uint8Array(0), random.fill);
    const lent = payload.slice();
    payload.fill(0xee);
    assertEquals(receiver.open(FrameType.End, lent), new Uint8Array(0));
    lent.fill(0xee);
  }
});

Deno.test("a tag is good for its type, its body and its place alone", () => {
  const body = Uint8Array.of(7, 0);
  const sealed = (): [payload: Uint8Array, receiver: Seal] => {
    const random = new Random(6), keyAndMask = random.bytes(32), sender = new Seal(keyAndMask);
    sender.countData(10);
    const receiver = new Seal(keyAndMask);
    return [sender.seal(FrameType.Result, body, random.fill), receiver];
  };
  const opened = (type: ControlType, change: (payload: Uint8Array) => Uint8Array, data: number): Uint8Array | null => {
    const [payload, receiver] = sealed();
    receiver.countData(data);
    return receiver.open(type, change(payload));
  };
  const same = (payload: Uint8Array): Uint8Array => payload;
  assertEquals(opened(FrameType.Result, same, 10), body);
  for (const data of [0, 9, 11, 10 + 2 ** 32]) assertEquals(opened(FrameType.Result, same, data), null);
  for (const type of CONTROL) if (type !== FrameType.Result) assertEquals(opened(type, same, 10), null);
  // zeros that padding would hide
  assertEquals(opened(FrameType.Result, (payload) => concat([body, Uint8Array.of(0), payload.slice(2)]), 10), null);
  assertEquals(opened(FrameType.Result, (payload) => concat([body.slice(0, 1), payload.slice(2)]), 10), null);
  for (let bit = 0; bit < (2 + 32) * 8; bit++) {
    const flipped = (payload: Uint8Array): Uint8Array => payload.with(bit >> 3, payload[bit >> 3]! ^ 1 << bit % 8);
    assertEquals(opened(FrameType.Result, flipped, 10), null, `bit ${bit}`);
  }
});

Deno.test("the same frame again has another tag", () => {
  const random = new Random(8), seal = new Seal(random.bytes(32));
  const tags = Array.from({ length: 50 }, () => seal.seal(FrameType.End, new Uint8Array(0), random.fill).toHex());
  assertEquals(new Set(tags).size, 50);
  assertEquals(new Set(tags.map((tag) => tag.slice(32))).size, 50);
});

Deno.test("a tag's mask hides it: with another first mask it differs by just that mask", () => {
  const random = new Random(9), key = random.bytes(16), one = random.bytes(16), other = random.bytes(16);
  const tag = (mask: Uint8Array): Uint8Array => {
    const seal = new Seal(concat([key, mask]));
    return seal.seal(FrameType.End, new Uint8Array(0), (into) => into.fill(4)).slice(16);
  };
  const difference = tag(one).map((byte, index) => byte ^ tag(other)[index]!);
  assertEquals(difference, one.map((byte, index) => byte ^ other[index]!));
  assertNotEquals(tag(one), tag(other));
});

Deno.test("a seal whose randomness fails throws, and goes on where it was", () => {
  const random = new Random(10), keyAndMask = random.bytes(32);
  const sender = new Seal(keyAndMask), receiver = new Seal(keyAndMask);
  const none = (): never => {
    throw new Error("no randomness");
  };
  assertThrows(() => sender.seal(FrameType.Bye, new Uint8Array(0), none), Error, "no randomness");
  const payload = sender.seal(FrameType.Bye, new Uint8Array(0), random.fill);
  assertEquals(receiver.open(FrameType.Bye, payload), new Uint8Array(0));
});
