import { assertEquals, assertThrows } from "@std/assert";
import {
  AuthMethod,
  decodeMethods,
  decodePassword,
  decodeRequest,
  encodeMethod,
  encodePasswordStatus,
  encodeReply,
  Reply,
  Socks5Error,
} from "../../../src/client/ingress/socks5_messages.ts";
import { WireError } from "../../../src/wire/decoder.ts";
import { decode } from "../../support/wire/decode.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const sum = (asked: readonly number[]) => asked.reduce((a, b) => a + b, 0);

/** A request for a name. */
function named(name: string, port = "0050"): Uint8Array {
  const bytes = Uint8Array.from(name, (character) => character.charCodeAt(0));
  return hex(`05 01 00 03 ${Uint8Array.of(bytes.length).toHex()} ${bytes.toHex()} ${port}`);
}

Deno.test("methods are read exactly, from none to 255", () => {
  for (const methods of [[], [0], [0, 2], Array.from({ length: 255 }, (_, method) => method)]) {
    const { value, asked } = decode(decodeMethods(), Uint8Array.of(5, methods.length, ...methods, 0xff));
    assertEquals([...value], methods);
    assertEquals(sum(asked), 2 + methods.length);
  }
});

Deno.test("other versions of SOCKS are refused by their first bytes", () => {
  for (const version of [0, 4, 6, 71]) {
    const asked: number[] = [];
    assertThrows(() => decode(decodeMethods(), Uint8Array.of(version, 1, 0), asked), WireError, `version ${version}`);
    assertEquals(asked, [2]);
    assertThrows(() => decode(decodeRequest(), Uint8Array.of(version, 1, 0, 1)), WireError, `version ${version}`);
  }
  assertThrows(() => decode(decodePassword(), Uint8Array.of(5, 1, 0, 0)), WireError, "version 5");
});

Deno.test("user name and password are read exactly, from empty to 255 bytes", () => {
  for (
    const [user, password] of [["", ""], ["u", ""], ["", "p"], ["alice", "se:cret"], ["u".repeat(255), "p".repeat(255)]]
  ) {
    const [name, secret] = [user!, password!].map((text) => new TextEncoder().encode(text));
    const bytes = Uint8Array.of(1, name!.length, ...name!, secret!.length, ...secret!, 0xff);
    const { value, asked } = decode(decodePassword(), bytes);
    assertEquals([[...value.user], [...value.password]], [[...name!], [...secret!]]);
    assertEquals(sum(asked), bytes.length - 1);
  }
});

Deno.test("a request's destination is an IPv4 address, an IPv6 address, or a name", () => {
  const cases = [
    ["05 01 00 01 c0000201 0050", "192.0.2.1", 80],
    ["05 01 00 04 20010db8000000000000000000000001 ffff", "2001:db8::1", 65535],
    ["05 01 00 04 00000000000000000000ffffc0000201 0016", "192.0.2.1", 22],
    [named("web").toHex(), "web", 80],
    [named("Web.Example.COM.").toHex(), "web.example.com.", 80],
    [named("192.0.2.1").toHex(), "192.0.2.1", 80],
    [named("2001:DB8:0::1").toHex(), "2001:db8::1", 80],
    [named("a".repeat(63), "0001").toHex(), "a".repeat(63), 1],
  ] as const;
  for (const [request, host, port] of cases) {
    const { value, asked } = decode(decodeRequest(), hex(`${request} ff`));
    assertEquals(value, { command: "connect", destination: { host, port } });
    assertEquals(sum(asked), hex(request).length);
  }
});

Deno.test("UDP ASSOCIATE names the address that datagrams will come from, or none", () => {
  const cases = [
    ["05 03 00 01 c0000201 d431", "192.0.2.1", 54321],
    ["05 03 00 01 00000000 0000", "0.0.0.0", 0],
    ["05 03 00 04 00000000000000000000000000000000 0000", "::", 0],
    ["05 03 00 03 09 3139322e302e322e31 0001", "192.0.2.1", 1],
    ["05 03 00 03 01 61 0001", null, 0],
    ["05 03 00 03 01 30 0000", null, 0],
    ["05 03 00 03 00 0000", null, 0],
  ] as const;
  for (const [request, host, port] of cases) {
    const { value, asked } = decode(decodeRequest(), hex(`${request} ff`));
    assertEquals(value, { command: "udp-associate", source: host === null ? null : { host, port } });
    assertEquals(sum(asked), hex(request).length);
  }
});

Deno.test("an unsupported request gets the reply code of RFC 1928", () => {
  const cases = [
    [hex("05 02 00 01"), Reply.CommandNotSupported],
    [hex("05 04 00 01"), Reply.CommandNotSupported],
    [hex("05 03 00 02"), Reply.AddressTypeNotSupported],
    [hex("05 03 01 01"), Reply.GeneralFailure],
    [hex("05 00 00 01"), Reply.CommandNotSupported],
    [hex("05 01 00 02"), Reply.AddressTypeNotSupported],
    [hex("05 01 00 00"), Reply.AddressTypeNotSupported],
    [hex("05 01 01 01"), Reply.GeneralFailure],
    [hex("05 01 00 01 c0000201 0000"), Reply.GeneralFailure],
    [named(""), Reply.GeneralFailure],
    [named("a b"), Reply.GeneralFailure],
    [named("a..b"), Reply.GeneralFailure],
    [named("127.1"), Reply.GeneralFailure],
    [named("a\0.example"), Reply.GeneralFailure],
    [named(`${"a".repeat(63)}.`.repeat(3) + "a".repeat(63)), Reply.GeneralFailure],
  ] as const;
  for (const [request, reply] of cases) {
    const error = assertThrows(() => decode(decodeRequest(), request), Socks5Error);
    assertEquals(error.reply, reply, `${request.toHex()}: ${error.message}`);
  }
});

Deno.test("an unsupported command or address type is answered without reading further", () => {
  for (const request of ["05 02 00 01", "05 01 00 09"]) {
    const asked: number[] = [];
    assertThrows(() => decode(decodeRequest(), hex(request), asked), Socks5Error);
    assertEquals(asked, [4]);
  }
});

Deno.test("replies have the format of RFC 1928 and RFC 1929", () => {
  assertEquals(encodeMethod(AuthMethod.None).toHex(), "0500");
  assertEquals(encodeMethod(AuthMethod.Unacceptable).toHex(), "05ff");
  assertEquals(encodePasswordStatus(true).toHex(), "0100");
  assertEquals(encodePasswordStatus(false).toHex(), "0101");
  assertEquals(encodeReply(Reply.ConnectionRefused).toHex(), "05050001000000000000");
  const bound = (host: string) => encodeReply(Reply.Succeeded, { host, port: 54321 }).toHex();
  assertEquals(bound("192.0.2.1"), "05000001c0000201d431");
  assertEquals(bound("2001:db8::1"), "0500000420010db8000000000000000000000001d431");
});
