import { assert, assertEquals, assertThrows } from "@std/assert";
import { WireError } from "../../src/wire/decoder.ts";
import { decodeOpen, type Destination, encodeOpen, MAX_OPEN_BODY, type Open } from "../../src/wire/open.ts";
import { LONGEST_OPEN, opens } from "../support/wire/frames.ts";
import { concat } from "../../src/wire/concat.ts";
import { bytes, fc } from "../support/random/property.ts";

const V4 = Uint8Array.of(192, 0, 2, 1);
const V6 = Uint8Array.fromHex("20010db8000000000000000000000001");

function toName(host: string): Open {
  return { destination: { kind: "name", port: 80, host } };
}

/** The body of an OPEN to a name of these bytes, whatever they are. */
function nameBody(name: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(2, 0, 80, name.length), name, Uint8Array.of(0)]);
}

Deno.test("the body of an OPEN is kind, port, host, and the source's kind, address and port", () => {
  const source = { address: V4, port: 0x1234 };
  const body = (open: Open): string => encodeOpen(open).toHex();
  assertEquals(body({ destination: { kind: "port", port: 0x01bb } }), "01" + "01bb" + "00");
  assertEquals(body(toName("a.b")), "02" + "0050" + "03612e62" + "00");
  assertEquals(body({ destination: { kind: "address", port: 1, address: V4 } }), "03" + "0001" + "c0000201" + "00");
  assertEquals(body({ destination: { kind: "address", port: 1, address: V6 } }), "04" + "0001" + V6.toHex() + "00");
  assertEquals(body({ destination: { kind: "datagrams", port: 53, flow: 0x1234 } }), "05" + "0035" + "1234" + "00");
  assertEquals(body({ destination: { kind: "port", port: 22 }, source }), "01" + "0016" + "03" + "c0000201" + "1234");
  assertEquals(
    body({ destination: { kind: "port", port: 22 }, source: { address: V6, port: 1 } }),
    "01" + "0016" + "04" + V6.toHex() + "0001",
  );
});

Deno.test("an OPEN decodes to what was encoded", () => {
  fc.assert(fc.property(opens(), (open) => assertEquals(decodeOpen(encodeOpen(open)), open)), { numRuns: 500 });
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

Deno.test("a truncated OPEN, or one with a trailing byte, is refused", () => {
  fc.assert(fc.property(opens(), (open) => {
    const body = encodeOpen(open);
    for (let length = 0; length < body.length; length++) {
      assertThrows(() => decodeOpen(body.subarray(0, length)), WireError, "ends too early");
    }
    for (const left of [0, 1, 255]) {
      assertThrows(() => decodeOpen(concat([body, Uint8Array.of(left)])), WireError, "trailing bytes");
    }
  }));
});

Deno.test("an OPEN with an unknown kind of destination or source is refused", () => {
  const rest = new Uint8Array(40);
  for (const kind of [0, ...Array.from({ length: 250 }, (_, index) => 6 + index)]) {
    assertThrows(() => decodeOpen(concat([Uint8Array.of(kind, 0, 80), rest])), WireError, `unknown kind ${kind}`);
  }
  for (let kind = 1; kind < 256; kind++) {
    if (kind === 3 || kind === 4) continue;
    assertThrows(() => decodeOpen(concat([Uint8Array.of(1, 0, 80, kind), rest])), WireError, `unknown kind ${kind}`);
  }
});

Deno.test("any bytes are either refused or the only encoding of their content", () => {
  let taken = 0;
  const changed = fc.record({ open: opens(), at: fc.nat(), byte: fc.oneof(fc.nat(5), fc.nat(255)) })
    .map(({ open, at, byte }) => {
      const body = encodeOpen(open);
      return body.with(at % body.length, byte);
    });
  fc.assert(
    fc.property(fc.oneof(changed, opens().map(encodeOpen), bytes(0, 30)), (body) => {
      let open: Open;
      try {
        open = decodeOpen(body);
      } catch (error) {
        assert(error instanceof WireError, String(error));
        return;
      }
      taken++;
      assertEquals(encodeOpen(open), body);
    }),
    { numRuns: 3000 },
  );
  assert(taken > 300, `only ${taken} of them decode`);
});
