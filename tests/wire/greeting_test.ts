import { assertEquals, assertThrows } from "@std/assert";
import { WireError } from "../../src/wire/decoder.ts";
import { decodeGreeting, encodeGreeting, GREETING_LENGTH } from "../../src/wire/greeting.ts";
import { decode } from "../support/wire/decode.ts";
import { forSeeds, Random } from "../support/random/random.ts";

const COOKIE = new Random(1).bytes(16);

Deno.test("a greeting is MICSS, the version and the cookie", () => {
  assertEquals(encodeGreeting(COOKIE).toHex(), "4d4943535302" + COOKIE.toHex());
  assertEquals(GREETING_LENGTH, 22);
});

Deno.test("a greeting decodes to its cookie, without reading beyond it", async () => {
  await forSeeds(50, (random) => {
    const cookie = random.bytes(16);
    const { value, asked } = decode(decodeGreeting(), encodeGreeting(cookie));
    assertEquals(value, cookie);
    assertEquals(asked, [6, 16]);
  });
});

Deno.test("a greeting with any one bit of its first six bytes changed is refused before the cookie is read", () => {
  for (let bit = 0; bit < 48; bit++) {
    const bytes = encodeGreeting(COOKIE);
    bytes[bit >> 3]! ^= 1 << bit % 8;
    const asked: number[] = [];
    assertThrows(
      () => decode(decodeGreeting(), bytes, asked),
      WireError,
      bit < 40 ? "not a MICSS server handler" : `speaks protocol ${bytes[5]}, this one 2`,
      `bit ${bit}`,
    );
    assertEquals(asked, [6]);
  }
});
