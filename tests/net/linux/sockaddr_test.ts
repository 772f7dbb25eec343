import { assertEquals } from "@std/assert";
import { readSockaddr, SOCKADDR_SIZE, sockaddrPort } from "../../../src/net/linux/sockaddr.ts";

const V4 = [2, 0, 0x19, 0x7a, 192, 0, 2, 255];
const v6 = (address: number[], scope = 0) => [10, 0, 0x19, 0x7a, 9, 9, 9, 9, ...address, scope, 0, 0, 0];
const sockaddr = (bytes: number[]) => Uint8Array.from({ length: SOCKADDR_SIZE }, (_, index) => bytes[index] ?? 0);

Deno.test("an IPv4 sockaddr is decoded", () => {
  assertEquals(readSockaddr(sockaddr(V4)), { host: "192.0.2.255", port: 6522 });
  assertEquals(sockaddrPort(sockaddr(V4)), 6522);
});

Deno.test("an IPv6 sockaddr is decoded to the spelling of RFC 5952", () => {
  const address = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xab];
  assertEquals(readSockaddr(sockaddr(v6(address))), { host: "2001:db8::ab", port: 6522 });
  assertEquals(readSockaddr(sockaddr(v6(Array(16).fill(0)))), { host: "::", port: 6522 });
  const full = Array.from({ length: 16 }, (_, index) => index + 1);
  assertEquals(readSockaddr(sockaddr(v6(full)))?.host, "102:304:506:708:90a:b0c:d0e:f10");
});

Deno.test("the scope ID of a link-local address follows it as a number", () => {
  const address = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  assertEquals(readSockaddr(sockaddr(v6(address, 3))), { host: "fe80::1%3", port: 6522 });
});

Deno.test("an IPv4-mapped IPv6 sockaddr is decoded to IPv4", () => {
  const address = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 255];
  assertEquals(readSockaddr(sockaddr(v6(address))), { host: "192.0.2.255", port: 6522 });
});

Deno.test("a sockaddr of another family is undefined", () => {
  assertEquals(readSockaddr(sockaddr([1, 0, 47, 116, 109, 112])), undefined);
  assertEquals(readSockaddr(sockaddr([])), undefined);
});

Deno.test("a sockaddr may start at any offset of a buffer", () => {
  const buffer = new Uint8Array(3 + SOCKADDR_SIZE);
  buffer.set(V4, 3);
  assertEquals(readSockaddr(buffer.subarray(3)), { host: "192.0.2.255", port: 6522 });
});
