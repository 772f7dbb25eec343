import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { FrameType } from "../../src/wire/frame.ts";
import { Seal } from "../../src/wire/seal.ts";
import { startOf } from "../support/wire/frames.ts";
import { concat } from "../../src/wire/concat.ts";
import { forSeeds, Random } from "../support/random/random.ts";
import { headOf, tagOf } from "../support/wire/reference.ts";

const SEALED = [1, 2, 3, 4, 5, 6, 7, 8] satisfies readonly FrameType[];
const NOTHING = new Uint8Array(0);

/** KEY's head with this key and mask. */
function keyHead(keyAndMask: Uint8Array): Uint8Array {
  return concat([startOf(FrameType.Key, 0), keyAndMask]);
}

/** The head that a seal writes. */
function written(seal: Seal, type: FrameType, length: number, covered: Uint8Array, random: Random): Uint8Array {
  const head = new Uint8Array(36);
  seal.write(head, type, length, covered, random.fill);
  return head;
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.with(bit >> 3, bytes[bit >> 3]! ^ 1 << bit % 8);
}

Deno.test("KEY's head is its type, length 0, and a random key and mask", () => {
  const head = new Uint8Array(38).fill(9);
  Seal.writeKey(head, new Random(4).fill);
  assertEquals(head.toHex(), "00000000" + new Random(4).bytes(32).toHex() + "0909");
});

Deno.test("a direction's heads agree with arithmetic on big integers, and its receiver accepts them", async () => {
  await forSeeds(40, (random) => {
    const keyAndMask = random.bytes(32), key = keyAndMask.slice(0, 16);
    const sender = new Seal(keyHead(keyAndMask)), receiver = new Seal(keyHead(keyAndMask));
    let mask: Uint8Array = keyAndMask.slice(16);
    for (let number = 1; number < 8; number++) {
      const type = random.pick(SEALED);
      const body = random.bytes(random.pick([0, 1, 15, 16, 17, 31, 32, 33, 276]));
      const [length, covered] = type === FrameType.Data
        ? [random.pick([1, 255, 256, 65_535, 65_536, 524_288]), NOTHING]
        : [body.length, body];
      const nextMask = random.bytes(16), head = new Uint8Array(36);
      sender.write(head, type, length, covered, (into) => into.set(nextMask));
      assertEquals(head, headOf({ key, mask, type, length, number, nextMask, covered }));
      assertEquals(receiver.check(head, covered), true);
      mask = nextMask;
    }
  });
});

Deno.test("the count of frames goes beyond 65,535", () => {
  const random = new Random(3), keyAndMask = random.bytes(32), seal = new Seal(keyHead(keyAndMask));
  let mask: Uint8Array = keyAndMask.slice(16), head: Uint8Array = NOTHING;
  for (let number = 1; number <= 65_537; number++) {
    head = written(seal, FrameType.End, 0, NOTHING, random);
    if (number < 65_537) mask = head.slice(4, 20);
  }
  const nextMask = head.slice(4, 20), key = keyAndMask.slice(0, 16);
  const tagged = { key, mask, type: FrameType.End, length: 0, number: 65_537, nextMask, covered: NOTHING };
  assertEquals(head.slice(20), tagOf(tagged));
});

Deno.test("a seal writes exactly 36 bytes of the given array, wherever that begins", () => {
  const random = new Random(11), keyAndMask = random.bytes(32);
  const room = new Uint8Array(60).fill(9);
  new Seal(keyHead(keyAndMask)).write(room.subarray(5), FrameType.Data, 19, NOTHING, new Random(1).fill);
  const head = written(new Seal(keyHead(keyAndMask)), FrameType.Data, 19, NOTHING, new Random(1));
  assertEquals(room.toHex(), "09".repeat(5) + head.toHex() + "09".repeat(19));
});

Deno.test("a seal keeps no reference to the given arrays", () => {
  const random = new Random(5), keyAndMask = random.bytes(32), body = random.bytes(20);
  const sender = new Seal(keyHead(keyAndMask));
  const given = keyHead(keyAndMask), receiver = new Seal(given);
  given.fill(0);
  for (let i = 0; i < 3; i++) {
    const lentBody = body.slice(), head = written(sender, FrameType.Open, 20, lentBody, random);
    const lent = head.slice();
    head.fill(0xee);
    lentBody.fill(0xee);
    const checked = body.slice();
    assertEquals(receiver.check(lent, checked), true);
    assertEquals(checked, body);
    lent.fill(0xee);
    checked.fill(0xee);
  }
});

Deno.test("a tag is valid for its type, length, body and position alone", () => {
  const body = Uint8Array.of(7, 0);
  /** The receiver's verdict on the second frame, changed, and on its body. */
  const checked = (change: (head: Uint8Array) => Uint8Array, covered: Uint8Array = body): boolean => {
    const random = new Random(7), key = keyHead(random.bytes(32)), sender = new Seal(key), receiver = new Seal(key);
    const first = written(sender, FrameType.Ping, 0, NOTHING, random);
    assertEquals(receiver.check(first, NOTHING), true);
    return receiver.check(change(written(sender, FrameType.Result, 2, body, random)), covered);
  };
  const same = (head: Uint8Array): Uint8Array => head;
  assertEquals(checked(same), true);
  for (let type = 0; type < 256; type++) {
    assertEquals(checked((head) => head.with(0, type)), type === FrameType.Result, `type ${type}`);
  }
  for (let bit = 0; bit < 36 * 8; bit++) assertEquals(checked((head) => flipped(head, bit)), false, `bit ${bit}`);
  for (let bit = 0; bit < 2 * 8; bit++) assertEquals(checked(same, flipped(body, bit)), false, `body, bit ${bit}`);
  // The length reveals zeros that padding would hide.
  assertEquals(checked((head) => head.with(3, 3), Uint8Array.of(7, 0, 0)), false);
  assertEquals(checked((head) => head.with(3, 1), Uint8Array.of(7)), false);
  assertEquals(checked(same, NOTHING), false);
});

Deno.test("a missed or repeated frame makes every later tag wrong", () => {
  const random = new Random(12), key = keyHead(random.bytes(32)), sender = new Seal(key);
  const heads = Array.from({ length: 4 }, () => written(sender, FrameType.Data, 5, NOTHING, random));
  for (const order of [[1], [0, 2], [0, 0], [0, 1, 0], [0, 1, 3]]) {
    const receiver = new Seal(key);
    const taken = order.map((place) => receiver.check(heads[place]!, NOTHING));
    assertEquals(taken, order.map((_, index) => index < order.length - 1), `${order}`);
  }
});

Deno.test("even with repeated masks a tag is valid for one count of frames", () => {
  const random = new Random(13), keyAndMask = random.bytes(32), mask = keyAndMask.subarray(16);
  const sender = new Seal(keyHead(keyAndMask)), receiver = new Seal(keyHead(keyAndMask));
  const [first, second] = [1, 2].map(() => {
    const head = new Uint8Array(36);
    sender.write(head, FrameType.End, 0, NOTHING, (into) => into.set(mask));
    return head;
  });
  assertNotEquals(first, second);
  assertEquals(new Seal(keyHead(keyAndMask)).check(second!, NOTHING), false);
  assertEquals([receiver.check(first!, NOTHING), receiver.check(second!, NOTHING)], [true, true]);
});

Deno.test("the same frame again has another tag", () => {
  const random = new Random(8), seal = new Seal(keyHead(random.bytes(32)));
  const heads = Array.from({ length: 50 }, () => written(seal, FrameType.End, 0, NOTHING, random).toHex());
  assertEquals(new Set(heads).size, 50);
  assertEquals(new Set(heads.map((head) => head.slice(40))).size, 50);
});

Deno.test("a mask hides its tag: another first mask changes the tag by exactly the difference", () => {
  const random = new Random(9), key = random.bytes(16), one = random.bytes(16), other = random.bytes(16);
  const tag = (mask: Uint8Array): Uint8Array => {
    const head = new Uint8Array(36);
    new Seal(keyHead(concat([key, mask]))).write(head, FrameType.End, 0, NOTHING, (into) => into.fill(4));
    return head.slice(20);
  };
  const difference = tag(one).map((byte, index) => byte ^ tag(other)[index]!);
  assertEquals(difference, one.map((byte, index) => byte ^ other[index]!));
  assertNotEquals(tag(one), tag(other));
});

Deno.test("a seal whose randomness fails throws, and its state is unchanged", () => {
  const random = new Random(10), key = keyHead(random.bytes(32));
  const sender = new Seal(key), receiver = new Seal(key);
  const none = (): never => {
    throw new Error("no randomness");
  };
  assertThrows(() => sender.write(new Uint8Array(36), FrameType.Bye, 0, NOTHING, none), Error, "no randomness");
  assertEquals(receiver.check(written(sender, FrameType.Bye, 0, NOTHING, random), NOTHING), true);
});
