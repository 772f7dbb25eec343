/** Ingress protocols and their users. */
import { assertEquals } from "@std/assert";
import { destinationHost } from "../../src/client/ingress/destination_host.ts";
import { decodeConnect, HttpError, MAX_HEAD } from "../../src/client/ingress/http_messages.ts";
import { headerDestination, headerLength, MAX_HEADER } from "../../src/client/ingress/socks5_datagram.ts";
import {
  decodeMethods,
  decodePassword,
  decodeRequest,
  type Request,
} from "../../src/client/ingress/socks5_messages.ts";
import { Users } from "../../src/client/ingress/users.ts";
import type { Address } from "../../src/net/address.ts";
import { proxyHeader } from "../../src/server/proxy_header.ts";
import { type Decoder, WireError } from "../../src/wire/decoder.ts";
import { decode, TooMuchAsked } from "../support/wire/decode.ts";
import { latin1 } from "../support/handlers/talk.ts";
import { taken, type Target, textTarget } from "./target.ts";

const hex = (...texts: string[]): Uint8Array[] => texts.map((text) => Uint8Array.fromHex(text));

/** An accepted destination has a canonical host and a valid port. */
function assertDestination({ host, port }: Address): void {
  assertEquals(destinationHost(host), host);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`port ${port}`);
}

function* socks5(): Decoder<Request> {
  const methods = yield* decodeMethods();
  if (methods.includes(2)) yield* decodePassword();
  return yield* decodeRequest();
}

const connect = (...lines: string[]) => latin1(`${lines.join("\r\n")}\r\n\r\n`);

export const entryTargets: readonly Target[] = [
  {
    name: "SOCKS5",
    seeds: hex(
      "050100" + "05010001c000020a0050",
      "050102" + "0105616c69636506736563726574" + "05010003037765620050",
      "05020002" + "01000000" + "0501000420010db800000000000000000000000101bb",
      "050100" + "0501000309313237" + "2e302e302e310050",
      "0500" + "05020001c000020a0050",
      "050100" + "05030001000000000000",
      "050100" + "0503000420010db8000000000000000000000001d431",
      "040100500000000100",
    ),
    words: hex("050100", "05010003", "03037765620050", "01ff", "000000000000ffff7f000001"),
    longest: 1100,
    take(input) {
      const asked: number[] = [];
      const decoded = taken(() => decode(socks5(), input, asked), [WireError, TooMuchAsked]);
      // Methods, a name, a password and a host, each of at most 255 bytes.
      if (asked.reduce((a, b) => a + b, 0) > 4 * 255 + 20) throw new Error(`${asked} bytes asked for`);
      const request = decoded?.value.value;
      if (request?.command === "connect") assertDestination(request.destination);
      return decoded !== null;
    },
  },
  {
    name: "SOCKS5 datagram",
    seeds: hex(
      "00000001c000020a0050" + "68656c6c6f",
      "0000000420010db80000000000000000000000010035",
      "0000000303" + "7765620050" + "00",
      "00000103" + "0377656200500000",
      "00000001c000020a0000",
    ),
    words: hex("00000001", "000000030377656200", "00000004", "ff"),
    longest: 2 * MAX_HEADER,
    take(input) {
      const length = headerLength(input);
      if (typeof length === "string") {
        assertEquals(length === "fragment", input.length > 4 && input[0] === 0 && input[1] === 0 && input[2] !== 0);
        return false;
      }
      if (length > Math.min(MAX_HEADER, input.length)) throw new Error(`a header of ${length} bytes`);
      const destination = headerDestination(input.subarray(0, length));
      if (destination !== null) assertDestination(destination);
      return destination !== null;
    },
  },
  {
    name: "HTTP CONNECT",
    seeds: [
      connect("CONNECT web:80 HTTP/1.1", "Host: web:80"),
      connect("CONNECT [2001:db8::1]:443 HTTP/1.1", "Host: a", "Proxy-Authorization: Basic YWxpY2U6c2VjcmV0", "X: y"),
      connect("CONNECT 192.0.2.1:22 HTTP/1.0"),
      connect("GET http://web/ HTTP/1.1", "Host: web"),
      connect("CONNECT web:80 HTTP/2.0", "Host: web"),
      connect("CONNECT web:80 HTTP/1.1", "Host: a", "Content-Length: 0"),
    ],
    words: [
      "CONNECT ",
      " HTTP/1.1",
      "\r\n",
      "\r\n\r\n",
      "Host: ",
      ":80",
      "Basic ",
      "Transfer-Encoding: x",
      "[::1]",
      "==",
    ].map(
      latin1,
    ),
    longest: 9000,
    take(input) {
      const asked: number[] = [];
      const decoded = taken(() => decode(decodeConnect(), input, asked), [HttpError, TooMuchAsked]);
      const total = asked.reduce((a, b) => a + b, 0);
      if (total > MAX_HEAD + 4) throw new Error(`${total} bytes asked for`);
      if (decoded === null) return false;
      assertDestination(decoded.value.value.destination);
      // Nothing after the head is read.
      assertEquals(latin1("\r\n\r\n"), input.subarray(total - 4, total));
      return true;
    },
  },
  textTarget({
    name: "file of users",
    seeds: [
      "alice:secret\n",
      "# comment\n\nbob:a:b\r\ncarol: \n",
      "alice:1\nalice:2",
      ":x",
      "nocolon",
      `${"u".repeat(256)}:x`,
    ],
    words: ["\n", "\r\n", ":", "#", "alice:secret", "\u{1f600}"],
    take(text) {
      const users = taken(() => new Users(text), [SyntaxError]);
      if (users === null) return false;
      const first = text.split(/\r?\n/).find((line) => line !== "" && !line.startsWith("#"))!;
      const colon = first.indexOf(":");
      const [user, password] = [first.slice(0, colon), first.slice(colon + 1)].map((part) =>
        new TextEncoder().encode(part)
      );
      assertEquals(users.value.verify(user!, password!), true);
      assertEquals(users.value.verify(user!, new TextEncoder().encode(`${first.slice(colon + 1)}?`)), false);
      return true;
    },
  }),
  textTarget({
    name: "host of a destination",
    seeds: [
      "web",
      "WEB.example.",
      "192.0.2.1",
      "::ffff:192.0.2.1",
      "2001:DB8::1",
      "127.1",
      "0x7f000001",
      "fe80::1%eth0",
      "a..b",
    ],
    words: [".", ":", "::", "%", "0x", "ffff", "xn--", "1", "255"],
    longest: 300,
    take(text) {
      const host = destinationHost(text);
      if (host !== null) assertEquals(destinationHost(host), host);
      return host !== null;
    },
  }),
  {
    name: "PROXY header",
    seeds: hex("04c000020a1f900420c633640a0050", "0620010db80000000000000000000000010050", "00"),
    words: hex("04c000020a0050", "0620010db80000000000000000000000010050"),
    longest: 100,
    take(input) {
      const ends: { address: Uint8Array; port: number }[] = [];
      for (let at = 0; at < input.length;) {
        const length = input[at]! % 2 === 0 ? 4 : 16;
        const address = new Uint8Array(length);
        address.set(input.subarray(at + 1, at + 1 + length));
        ends.push({ address, port: (input[at + 1 + length] ?? 0) << 8 | (input[at + 2 + length] ?? 0) });
        at += 3 + length;
      }
      const [source, ...destinations] = ends;
      const header = proxyHeader(source ?? null, destinations);
      // Signature, version and command, family, and the length of the rest.
      assertEquals(header.length, 16 + (header[14]! << 8 | header[15]!));
      const size = source === undefined ? 0 : 2 * source.address.length + 4;
      assertEquals(header.length, 16 + size);
      if (source !== undefined) assertEquals(header.subarray(16, 16 + source.address.length), source.address);
      return true;
    },
  },
];
