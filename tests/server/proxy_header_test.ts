import { assertEquals } from "@std/assert";
import { proxyHeader } from "../../src/server/proxy_header.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const SIGNATURE = "0d0a0d0a 000d0a51 5549540a";
const V4 = { address: hex("c0000201"), port: 56324 };
const V6 = { address: hex("20010db8000000000000000000000001"), port: 4124 };
const TO_V4 = { address: hex("c633640a"), port: 443 };
const TO_V6 = { address: hex("20010db800000000000000000000000a"), port: 443 };

/** From the tables of section 2.2: command, family, length, source and destination address, their ports. */
const CASES = [
  ["an unknown source", null, [TO_V4], "20 00 0000"],
  ["an IPv4 source", V4, [TO_V4], "21 11 000c c0000201 c633640a dc04 01bb"],
  [
    "an IPv4 source, with the second channel in its family",
    V4,
    [TO_V6, TO_V4],
    "21 11 000c c0000201 c633640a dc04 01bb",
  ],
  ["an IPv4 source, with no channel in its family", V4, [TO_V6], "21 11 000c c0000201 00000000 dc04 01bb"],
  ["an IPv4 source without a destination", V4, [], "21 11 000c c0000201 00000000 dc04 0000"],
  [
    "an IPv6 source",
    V6,
    [TO_V4, TO_V6],
    `21 21 0024 ${V6.address.toHex()} ${TO_V6.address.toHex()} 101c 01bb`,
  ],
  [
    "an IPv6 source, with no channel in its family",
    V6,
    [TO_V4],
    `21 21 0024 ${V6.address.toHex()} ${"00".repeat(16)} 101c 01bb`,
  ],
] as const;

for (const [title, source, destinations, rest] of CASES) {
  Deno.test(`a PROXY header has ${title}`, () => {
    assertEquals(proxyHeader(source, destinations).toHex(), hex(SIGNATURE + rest).toHex());
  });
}
