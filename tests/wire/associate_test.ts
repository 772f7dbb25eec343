import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  associateLength,
  associationId,
  cookieKey,
  decodeAssociate,
  decodeAssociateReply,
  encodeAssociate,
  encodeRefused,
  MAX_CHANNELS,
  MIN_CHANNELS,
  RefusedReason,
} from "../../src/wire/associate.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { decode } from "../support/wire/decode.ts";
import { concat } from "../../src/wire/concat.ts";
import { forSeeds, Random } from "../support/random/random.ts";

function cookies(count: number, random = new Random(1)): Uint8Array[] {
  return Array.from({ length: count }, () => random.bytes(16));
}

function list(count: number): Uint8Array {
  return encodeAssociate({ scheme: 1, threshold: count & 255, cookies: cookies(count) });
}

Deno.test("an associate message is its type, the scheme, the threshold, n and the cookies", () => {
  const [first, second] = cookies(2) as [Uint8Array, Uint8Array];
  const bytes = encodeAssociate({ scheme: 7, threshold: 9, cookies: [first, second] });
  assertEquals(bytes.toHex(), "01070902" + first.toHex() + second.toHex());
  assertEquals(associateLength(2), 36);
});

Deno.test("a list of 2 to 16 cookies decodes to what was encoded, without reading beyond it", async () => {
  assertEquals([MIN_CHANNELS, MAX_CHANNELS], [2, 16]);
  await forSeeds(60, (random) => {
    const count = random.between(2, 16);
    const associate = { scheme: random.below(256), threshold: random.below(256), cookies: cookies(count, random) };
    const { value, asked } = decode(decodeAssociate(), encodeAssociate(associate));
    assertEquals(value, associate);
    assertEquals(asked, [4, count * 16]);
  });
});

Deno.test("lists of 2 and of 16 cookies are accepted; one fewer or more is refused at its head", () => {
  for (const count of [2, 16]) assertEquals(decode(decodeAssociate(), list(count)).value.cookies.length, count);
  for (const count of [0, 1, 17, 255]) {
    const asked: number[] = [];
    assertThrows(() => decode(decodeAssociate(), list(count), asked), WireError, `a list has ${count} cookies`);
    assertEquals(asked, [4]);
  }
});

Deno.test("a message of any type but 1 is refused at its head", () => {
  for (let type = 0; type < 256; type++) {
    if (type === 1) continue;
    const asked: number[] = [];
    assertThrows(
      () => decode(decodeAssociate(), list(2).with(0, type), asked),
      WireError,
      `got a message of type ${type}`,
    );
    assertEquals(asked, [4]);
  }
});

Deno.test("a list that repeats a cookie is refused, whatever the positions", () => {
  for (let later = 1; later < 16; later++) {
    for (let earlier = 0; earlier < later; earlier++) {
      const named = cookies(16);
      named[later] = named[earlier]!;
      const bytes = encodeAssociate({ scheme: 1, threshold: 16, cookies: named });
      assertThrows(() => decode(decodeAssociate(), bytes), WireError, "twice", `${earlier} and ${later}`);
    }
  }
});

Deno.test("cookies that differ in one bit are distinct", () => {
  const [cookie] = cookies(1) as [Uint8Array];
  for (let bit = 0; bit < 128; bit++) {
    const other = cookie.with(bit >> 3, cookie[bit >> 3]! ^ 1 << bit % 8);
    const bytes = encodeAssociate({ scheme: 1, threshold: 2, cookies: [cookie, other] });
    assertEquals(decode(decodeAssociate(), bytes).value.cookies, [cookie, other]);
    assert(cookieKey(cookie) !== cookieKey(other));
  }
  assertEquals(cookieKey(cookie), cookieKey(cookie.slice()));
});

Deno.test("an echo decodes byte for byte, whatever it holds, without reading beyond it", async () => {
  await forSeeds(60, (random) => {
    const count = random.between(2, 16);
    const bytes = random.bytes(associateLength(count) + 5).with(0, 1);
    const { value, asked } = decode(decodeAssociateReply(count), bytes);
    assertEquals(value, { kind: "echo", bytes: bytes.slice(0, associateLength(count)) });
    assertEquals(asked, [1, 3 + 16 * count]);
  });
});

Deno.test("each reason of a refusal decodes from its two bytes", () => {
  const reasons = [1, 2, 3, 4, 5, 6];
  assertEquals(Object.values(RefusedReason).filter((reason) => typeof reason === "number"), reasons);
  for (const reason of reasons) {
    const bytes = encodeRefused(reason);
    assertEquals(bytes, Uint8Array.of(255, reason));
    const { value, asked } = decode(decodeAssociateReply(3), concat([bytes, Uint8Array.of(9)]));
    assertEquals(value, { kind: "refused", reason });
    assertEquals(asked, [1, 1]);
  }
});

Deno.test("a refusal with an unknown reason is refused", () => {
  for (const reason of [0, ...Array.from({ length: 249 }, (_, index) => 7 + index)]) {
    assertThrows(
      () => decode(decodeAssociateReply(3), Uint8Array.of(255, reason)),
      WireError,
      `unknown reason ${reason}`,
    );
  }
});

Deno.test("an answer of any other type is refused at its first byte", () => {
  for (let type = 0; type < 255; type++) {
    if (type === 1) continue;
    const asked: number[] = [];
    assertThrows(
      () => decode(decodeAssociateReply(3), Uint8Array.of(type, 1), asked),
      WireError,
      `got a message of type ${type}`,
    );
    assertEquals(asked, [1]);
  }
});

Deno.test("an association's name is the XOR of the first six bytes of its cookies, and any one of them decides it", () => {
  const cookies = [1, 2, 4].map((byte) => new Uint8Array(16).fill(byte));
  assertEquals(associationId(cookies), "070707070707");
  cookies[1]!.set([0xf2], 5);
  cookies[1]!.set([0xff], 6);
  assertEquals(associationId(cookies), "0707070707f7");
  assertEquals(associationId(cookies.toReversed()), "0707070707f7");
});
