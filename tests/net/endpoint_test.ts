import { assert, assertEquals, assertThrows } from "@std/assert";
import { addressAt, copyEndpoint, ENDPOINT_WORDS, endpointOf, isMapped } from "../../src/net/endpoint.ts";
import { isUnspecified, sameEndpoint, sameEndpointHost } from "../../src/net/endpoint.ts";

const ADDRESSES = [
  { host: "192.0.2.1", port: 6522 },
  { host: "0.0.0.0", port: 0 },
  { host: "2001:db8::1", port: 65_535 },
  { host: "::1", port: 1 },
  { host: "fe80::1%3", port: 256 },
];

Deno.test("an address becomes an endpoint and that the address again", () => {
  for (const address of ADDRESSES) assertEquals(addressAt(endpointOf(address)), address);
  assertEquals(ADDRESSES.map((address) => isMapped(endpointOf(address))), [true, true, false, false, false]);
});

Deno.test("IPv4-mapped IPv6 is the IPv4 endpoint", () => {
  assertEquals(endpointOf({ host: "::ffff:192.0.2.1", port: 7 }), endpointOf({ host: "192.0.2.1", port: 7 }));
});

Deno.test("a name, and a zone that is neither a number nor a device, are refused", () => {
  assertThrows(() => endpointOf({ host: "example.net", port: 1 }), TypeError, "not an IP address");
  const { AddrNotAvailable } = Deno.errors, host = "fe80::1%none9";
  assertThrows(() => endpointOf({ host, port: 1 }), AddrNotAvailable, "no device none9 has a link-local address now");
});

Deno.test("endpoints are compared in every word, hosts in the address alone", () => {
  const all = ADDRESSES.map(endpointOf), table = new Uint32Array(all.length * ENDPOINT_WORDS);
  all.forEach((endpoint, index) => copyEndpoint(endpoint, 0, table, index * ENDPOINT_WORDS));
  for (const [i, one] of all.entries()) {
    for (const j of all.keys()) assertEquals(sameEndpoint(one, 0, table, j * ENDPOINT_WORDS), i === j);
    for (let word = 0; word < ENDPOINT_WORDS; word++) {
      const other = one.slice();
      other[word]! ^= 1 << 31;
      assert(!sameEndpoint(one, 0, other, 0));
      assertEquals(sameEndpointHost(one, 0, other, 0), word >= 4);
    }
  }
});

Deno.test("only an endpoint without an address is unspecified", () => {
  assert(isUnspecified(new Uint32Array(ENDPOINT_WORDS)));
  assert(isUnspecified(endpointOf({ host: "::", port: 9 })));
  assertEquals(ADDRESSES.some((address) => isUnspecified(endpointOf(address))), false);
});
