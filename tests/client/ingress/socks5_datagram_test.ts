import { assertEquals } from "@std/assert";
import { headerDestination, headerLength, MAX_HEADER } from "../../../src/client/ingress/socks5_datagram.ts";
import { encodeDatagram } from "../../support/handlers/socks5_udp.ts";
import { bytes, fc, record } from "../../support/random/property.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

/** Headers and their destinations; null if that is invalid. */
const HEADERS = [
  ["0000 00 01 c0000201 0035", { host: "192.0.2.1", port: 53 }],
  ["0000 00 01 00000000 ffff", { host: "0.0.0.0", port: 65535 }],
  ["0000 00 04 20010db8000000000000000000000001 0035", { host: "2001:db8::1", port: 53 }],
  ["0000 00 04 00000000000000000000ffffc0000201 0001", { host: "192.0.2.1", port: 1 }],
  ["0000 00 03 03 776562 0035", { host: "web", port: 53 }],
  ["0000 00 03 04 5745422e 0035", { host: "web.", port: 53 }],
  ["0000 00 03 09 3139322e302e322e31 0035", { host: "192.0.2.1", port: 53 }],
  ["0000 00 01 c0000201 0000", null],
  ["0000 00 03 00 0035", null],
  ["0000 00 03 03 776500 0035", null],
  ["0000 00 03 03 77e962 0035", null],
  ["0000 00 03 05 3132372e31 0035", null],
  [`0000 00 03 ff ${"61".repeat(255)} 0035`, null],
] as const;

Deno.test("a datagram's header names its destination as a request does, and ends before the payload", () => {
  for (const [text, destination] of HEADERS) {
    const header = hex(text);
    for (const payload of ["", "00", "ff".repeat(1400)]) {
      assertEquals(headerLength(Uint8Array.of(...header, ...hex(payload))), header.length, text);
    }
    assertEquals(headerDestination(header), destination, text);
  }
});

Deno.test("every shorter datagram is malformed", () => {
  for (const [text] of HEADERS) {
    const header = hex(text);
    for (let length = 0; length < header.length; length++) {
      assertEquals(headerLength(header.subarray(0, length)), "malformed", `${length} bytes of ${text}`);
    }
  }
});

Deno.test("other types of addresses and reserved bytes are malformed, and fragments are told apart", () => {
  const rest = "c0000201 0035 61",
    cases = [
      ["0000 00 00", "malformed"],
      ["0000 00 02", "malformed"],
      ["0000 00 05", "malformed"],
      ["0001 00 01", "malformed"],
      ["0100 00 01", "malformed"],
      ["0000 01 01", "fragment"],
      ["0000 81 01", "fragment"],
      ["0000 80 00", "fragment"],
    ] as const;
  for (const [text, fault] of cases) assertEquals(headerLength(hex(text + rest)), fault, text);
});

const label = fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/);
const host = fc.oneof(
  fc.ipV4(),
  fc.constantFrom("::", "2001:db8::1"),
  fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join(".")),
);
const address = record({ host, port: fc.integer({ min: 1, max: 65_535 }) });

Deno.test("what an application encodes is decoded again, for any destination and payload", () => {
  fc.assert(fc.property(address, bytes(0, 100), (destination, payload) => {
    const datagram = encodeDatagram(destination, payload), length = headerLength(datagram) as number;
    assertEquals(headerDestination(datagram.subarray(0, length)), destination);
    assertEquals(datagram.subarray(length), payload);
  }));
});

Deno.test("any bytes have a header of bounded length within them, or none", () => {
  const likely = fc.tuple(fc.constantFrom(1, 3, 4), bytes(0, 300)).map(([type, rest]) =>
    Uint8Array.of(0, 0, 0, type, ...rest)
  );
  fc.assert(fc.property(fc.oneof(bytes(0, 300), likely), (datagram) => {
    const length = headerLength(datagram);
    if (typeof length === "string") return;
    assertEquals(length >= 7 && length <= Math.min(MAX_HEADER, datagram.length), true);
    assertEquals(headerLength(datagram.subarray(0, length)), length);
  }));
});
