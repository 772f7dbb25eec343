/** Properties of addresses and networks, held against integers. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatAddress, parseAddress } from "../../src/net/address.ts";
import { bytesHost, canonicalHost, hostBytes, isIp, isWithin, parseSubnet } from "../../src/net/ip.ts";
import { bytes, fc, record } from "../support/random/property.ts";

const mapped = bytes(4, 4).map((four) => Uint8Array.of(...new Uint8Array(10), 0xff, 0xff, ...four));

/** IPv6 with runs of zeros, which its spelling shortens. */
const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 0x10, 0xff), { minLength: 16, maxLength: 16 })
  .map((list) => Uint8Array.from(list));

const address = fc.oneof(bytes(4, 4), bytes(16, 16), sparse, mapped);

/** The bytes of an address as they are compared: IPv4-mapped IPv6 is IPv4. */
function unmapped(of: Uint8Array): Uint8Array {
  return of.length === 16 && of.toHex().startsWith(`${"00".repeat(10)}ffff`) ? of.slice(12) : of;
}

function toInteger(of: Uint8Array): bigint {
  return BigInt(`0x${of.toHex()}`);
}

Deno.test("any 4 or 16 bytes come back from their spelling, which is canonical", () => {
  fc.assert(fc.property(address, (of) => {
    const host = bytesHost(of);
    assertEquals(hostBytes(host), unmapped(of));
    assertEquals(canonicalHost(host), host);
  }));
});

Deno.test("every spelling of an address has the same bytes and one canonical spelling", () => {
  fc.assert(fc.property(fc.oneof(bytes(16, 16), sparse, mapped), fc.boolean(), fc.boolean(), (of, upper, padded) => {
    const groups = Array.from({ length: 8 }, (_, at) => of.subarray(2 * at, 2 * at + 2).toHex());
    const text = groups.map((group) => padded ? group : group.replace(/^0+(?=.)/, "")).join(":");
    const host = upper ? text.toUpperCase() : text;
    assert(isIp(host), host);
    assertEquals(hostBytes(host), unmapped(of));
    assertEquals(canonicalHost(host), bytesHost(of));
  }));
});

Deno.test("any text is an address with bytes, or neither", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f:.%]{0,20}$/), fc.ipV4(), fc.ipV6());
  fc.assert(fc.property(text, (host) => {
    assertEquals(isIp(host), hostBytes(host) !== null);
    assertEquals(canonicalHost(canonicalHost(host)), canonicalHost(host));
  }));
});

Deno.test("a network holds the addresses that agree with it in its first bits, and no others", () => {
  const cases = address.chain((first) =>
    record({
      first: fc.constant(unmapped(first)),
      bits: fc.nat(unmapped(first).length * 8),
      // A bit to flip, so that addresses near the network's edge are tried, not only distant ones.
      flipped: fc.nat(unmapped(first).length * 8 - 1),
    })
  );
  fc.assert(fc.property(cases, ({ first, bits, flipped }) => {
    const length = BigInt(first.length * 8), shift = length - BigInt(bits);
    const start = toInteger(first) >> shift << shift;
    const network = parseSubnet(`${hostOf(start, first.length)}/${bits}`);
    const other = toInteger(first) ^ 1n << length - 1n - BigInt(flipped);
    assert(isWithin(bytesHost(first), network));
    assertEquals(isWithin(hostOf(other, first.length), network), other >> shift === start >> shift);
    assertEquals(isWithin(first.length === 4 ? "2001:db8::1" : "192.0.2.1", network), false);
  }));
});

Deno.test("a network whose address has further bits is refused, with the network that would be right", () => {
  fc.assert(fc.property(address.map(unmapped), fc.nat(), (of, seed) => {
    const bits = seed % (of.length * 8), shift = BigInt(of.length * 8 - bits);
    const start = toInteger(of) >> shift << shift;
    fc.pre(start !== toInteger(of));
    const right = `${hostOf(start, of.length)}/${bits}`;
    assertThrows(() => parseSubnet(`${bytesHost(of)}/${bits}`), SyntaxError, `write ${right}`);
    assertEquals(parseSubnet(right).bits, bits);
  }));
});

/** The spelling of an integer as an address of `length` bytes. */
function hostOf(integer: bigint, length: number): string {
  return bytesHost(Uint8Array.fromHex(integer.toString(16).padStart(2 * length, "0")));
}

Deno.test("an address and port read as they were written", () => {
  const host = fc.oneof(address.map(bytesHost), fc.domain(), fc.constantFrom("fe80::1%eth0", "localhost", "a."));
  fc.assert(fc.property(host, fc.nat(65535), (host, port) => {
    assertEquals(parseAddress(formatAddress({ host, port })), { host, port });
  }));
});
