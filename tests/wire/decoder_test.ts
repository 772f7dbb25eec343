import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { decodeFrom, type Decoder, WireError } from "../../src/wire/decoder.ts";
import { decode, TooMuchAsked } from "../support/wire/decode.ts";

/** A byte that says how many follow, then those. */
function* counted(): Decoder<string> {
  const length = (yield 1)[0]!;
  if (length > 4) throw new WireError("too long");
  return (yield length).toHex();
}

Deno.test("a decoder gets exactly the bytes that it asks for, in order", async () => {
  const bytes = Uint8Array.of(3, 7, 8, 9, 1);
  const filled: number[] = [];
  let at = 0;
  const value = await decodeFrom(counted(), (into) => {
    filled.push(into.length);
    into.set(bytes.subarray(at, at += into.length));
    return Promise.resolve();
  });
  assertEquals(value, "070809");
  assertEquals(filled, [1, 3]);
});

Deno.test("a decoder that needs no bytes reads none", async () => {
  // deno-lint-ignore require-yield
  const constant = function* (): Decoder<number> {
    return 5;
  };
  assertEquals(await decodeFrom(constant(), () => Promise.reject(new Error("filled"))), 5);
});

Deno.test("an error of the source propagates", async () => {
  const lost = new Error("lost");
  assertStrictEquals(await assertRejects(() => decodeFrom(counted(), () => Promise.reject(lost))), lost);
});

Deno.test("a decoder that refuses reads no further", async () => {
  let fills = 0;
  const fill = (into: Uint8Array): Promise<void> => {
    fills++;
    into.fill(200);
    return Promise.resolve();
  };
  const error = await assertRejects(() => decodeFrom(counted(), fill), WireError, "too long");
  assertEquals([error.name, fills], ["WireError", 1]);
});

Deno.test("the tests' own runner detects a decoder that reads beyond its message", async () => {
  await assertRejects(() => Promise.resolve().then(() => decode(counted(), Uint8Array.of(3, 7, 8))), TooMuchAsked);
});
