import { assert, assertEquals, assertThrows } from "@std/assert";
import { WireError } from "../../src/wire/decoder.ts";
import { decodeOpen, type Destination, encodeOpen, MAX_OPEN_BODY, type Open } from "../../src/wire/open.ts";
import { LONGEST_OPEN } from "../support/wire/frames.ts";
import { concat } from "../../src/wire/concat.ts";
import { forSeeds, Random } from "../support/random/random.ts";

const V4 = Uint8Array.of(192, 0, 2, 1);
const V6 = Uint8Array.fromHex("20010db8000000000000000000000001");

function toName(host: string): Open {
  return { destination: { kind: "name", port: 80, host } };
}

/** The body of an OPEN to a name of these bytes, whatever they are. */
function nameBody(name: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(2, 0, 80, name.length), name, Uint8Array.of(0)]);
}

function randomOpen(random: Random): Open {
  const port = random.below(65536), address = (): Uint8Array => random.bytes(random.pick([4, 16]));
  const host = (): string => Array.from({ length: random.between(1, 63) }, () => random.pick([..."az-_09"])).join("");
  const destination = random.pick<() => Destination>([
    () => ({ kind: "port", port }),
    () => ({ kind: "name", port, host: host() + random.pick(["", ".", ".a", ".b.c."]) }),
    () => ({ kind: "address", port, address: address() }),
  ])();
  return random.below(2) ? { destination } : { destination, source: { address: address(), port: random.below(65536) } };
}

Deno.test("the body of an OPEN is kind, port, host, and the source's kind, address and port", () => {
  const source = { address: V4, port: 0x1234 };
  const body = (open: Open): string => encodeOpen(open).toHex();
  assertEquals(body({ destination: { kind: "port", port: 0x01bb } }), "01" + "01bb" + "00");
  assertEquals(body(toName("a.b")), "02" + "0050" + "03612e62" + "00");
  assertEquals(body({ destination: { kind: "address", port: 1, address: V4 } }), "03" + "0001" + "c0000201" + "00");
  assertEquals(body({ destination: { kind: "address", port: 1, address: V6 } }), "04" + "0001" + V6.toHex() + "00");
  assertEquals(body({ destination: { kind: "port", port: 22 }, source }), "01" + "0016" + "03" + "c0000201" + "1234");
  assertEquals(
    body({ destination: { kind: "port", port: 22 }, source: { address: V6, port: 1 } }),
    "01" + "0016" + "04" + V6.toHex() + "0001",
  );
});

Deno.test("an OPEN decodes to what was encoded", async () => {
  await forSeeds(500, (random) => {
    const open = randomOpen(random);
    assertEquals(decodeOpen(encodeOpen(open)), open);
  });
});

Deno.test("a decoded OPEN does not change with the bytes that it came from", () => {
  const body = encodeOpen({ destination: { kind: "address", port: 1, address: V6 }, source: { address: V4, port: 2 } });
  const open = decodeOpen(body);
  body.fill(0xee);
  assertEquals(open, { destination: { kind: "address", port: 1, address: V6 }, source: { address: V4, port: 2 } });
});

Deno.test("the lowest and the highest port decode", () => {
  for (const port of [0, 1, 255, 256, 65535]) {
    const open: Open = { destination: { kind: "port", port }, source: { address: V4, port } };
    assertEquals(decodeOpen(encodeOpen(open)), open);
  }
});

Deno.test("the longest OPEN has 276 bytes", () => {
  assertEquals(MAX_OPEN_BODY, 276);
  assertEquals(encodeOpen(LONGEST_OPEN).length, MAX_OPEN_BODY);
  assertEquals(decodeOpen(encodeOpen(LONGEST_OPEN)), LONGEST_OPEN);
});

Deno.test("a name has 1 to 253 bytes", () => {
  for (const length of [1, 252, 253]) {
    const open = toName("a".repeat(length));
    assertEquals(decodeOpen(encodeOpen(open)), open);
  }
  for (const length of [0, 254, 255]) {
    const name = "a".repeat(length);
    assertThrows(() => encodeOpen(toName(name)), RangeError, "not a host name");
    assertThrows(() => decodeOpen(nameBody(new TextEncoder().encode(name))), WireError, "host name");
  }
});

Deno.test("a name has letters, digits, hyphens, underscores and single dots between, and nothing else", () => {
  for (const name of ["a", "A-1_z.example", "example.", "192.0.2.1"]) {
    assertEquals(decodeOpen(nameBody(new TextEncoder().encode(name))), toName(name));
  }
  for (const name of [".", ".a", "a..b", "a b", "a\n", "\na", "a\0", "a/b", "a:1", "a@b", "[::1]", "é", "a\u0131"]) {
    assertThrows(() => encodeOpen(toName(name)), RangeError, "not a host name", name);
    assertThrows(() => decodeOpen(nameBody(new TextEncoder().encode(name))), WireError, "host name", name);
  }
  for (let byte = 0; byte < 256; byte++) {
    const allowed = /[\w-]/.test(String.fromCharCode(byte)) && byte < 128;
    const body = nameBody(Uint8Array.of(97, byte, 98));
    if (allowed || byte === 46) assertEquals(encodeOpen(decodeOpen(body)), body);
    else assertThrows(() => decodeOpen(body), WireError, "host name", `byte ${byte}`);
  }
});

Deno.test("an address of neither 4 nor 16 bytes can't be encoded", () => {
  for (const length of [0, 3, 5, 15, 17]) {
    const address = new Uint8Array(length);
    const destination: Destination = { kind: "address", port: 1, address };
    assertThrows(() => encodeOpen({ destination }), RangeError, `an address of ${length} bytes`);
    const source = { address, port: 1 };
    assertThrows(() => encodeOpen({ destination: { kind: "port", port: 1 }, source }), RangeError, "an address");
  }
});

Deno.test("a truncated OPEN, or one with a trailing byte, is refused", async () => {
  await forSeeds(100, (random) => {
    const body = encodeOpen(randomOpen(random));
    for (let length = 0; length < body.length; length++) {
      assertThrows(() => decodeOpen(body.subarray(0, length)), WireError, "ends too early");
    }
    for (const left of [0, 1, 255]) {
      assertThrows(() => decodeOpen(concat([body, Uint8Array.of(left)])), WireError, "trailing bytes");
    }
  });
});

Deno.test("an OPEN with an unknown kind of destination or source is refused", () => {
  const rest = new Uint8Array(40);
  for (const kind of [0, ...Array.from({ length: 251 }, (_, index) => 5 + index)]) {
    assertThrows(() => decodeOpen(concat([Uint8Array.of(kind, 0, 80), rest])), WireError, `unknown kind ${kind}`);
  }
  for (let kind = 1; kind < 256; kind++) {
    if (kind === 3 || kind === 4) continue;
    assertThrows(() => decodeOpen(concat([Uint8Array.of(1, 0, 80, kind), rest])), WireError, `unknown kind ${kind}`);
  }
});

Deno.test("any bytes are either refused or the only encoding of their content", async () => {
  let taken = 0;
  await forSeeds(3000, (random) => {
    const body = random.below(2) ? encodeOpen(randomOpen(random)) : random.bytes(random.below(30));
    if (body.length > 0 && random.below(2)) body[0] = random.below(6);
    if (body.length > 0) body[random.below(body.length)] = random.pick([0, 1, 2, 3, 4, random.below(256)]);
    let open: Open;
    try {
      open = decodeOpen(body);
    } catch (error) {
      assert(error instanceof WireError, String(error));
      return;
    }
    taken++;
    assertEquals(encodeOpen(open), body);
  });
  assert(taken > 300, `only ${taken} of them say something`);
});
