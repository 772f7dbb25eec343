import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  decodeConnect,
  encodeError,
  encodeEstablished,
  HttpError,
  MAX_HEAD,
  STATUSES,
} from "../../../src/client/ingress/http_messages.ts";
import { decode } from "../../support/wire/decode.ts";
import { latin1 } from "../../support/handlers/talk.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Encodes a head from lines. */
function head(...lines: string[]): string {
  return [...lines, "", ""].join("\r\n");
}

/** Encodes a valid request for a target. */
function connect(target: string, ...fields: string[]): string {
  return head(`CONNECT ${target} HTTP/1.1`, `Host: ${target}`, ...fields);
}

Deno.test("a request's target is an IPv4 address, an IPv6 address in brackets, or a name, always with a port", () => {
  const cases = [
    ["192.0.2.1:80", "192.0.2.1", 80],
    ["[2001:DB8::1]:65535", "2001:db8::1", 65535],
    ["[::ffff:192.0.2.1]:22", "192.0.2.1", 22],
    ["web:1", "web", 1],
    ["Web.Example.COM.:0443", "web.example.com.", 443],
  ] as const;
  for (const [target, host, port] of cases) {
    assertEquals(decode(decodeConnect(), latin1(connect(target))).value, { destination: { host, port } });
  }
});

Deno.test("the head is read exactly up to the empty line, whatever precedes it", () => {
  // All ways in which the last line may resemble the end of the head.
  for (const last of ["a: b", "a:", "aa:", "aaa:", "aaaa:", "X-Long: ".padEnd(1000, "x")]) {
    const request = connect("web:80", last);
    for (const behind of ["", "\r\n\r\n", "\n\n\n\n", "binary"]) {
      const { asked } = decode(decodeConnect(), latin1(request + behind + "    "));
      assertEquals(asked.reduce((a, b) => a + b, 0), request.length);
    }
  }
});

Deno.test("HTTP/1.0 needs no Host field, HTTP/1.1 exactly one", () => {
  const value = (...lines: string[]) => decode(decodeConnect(), latin1(head(...lines))).value;
  const answer = { destination: { host: "web", port: 80 } };
  assertEquals(value("CONNECT web:80 HTTP/1.0"), answer);
  assertEquals(value("CONNECT web:80 HTTP/1.0", "host: other"), answer);
  assertEquals(value("CONNECT web:80 HTTP/1.1", "HOST:\t web:80 \t"), answer);
  assertEquals(value("CONNECT web:80 HTTP/1.2", "Host: web", "Content-Length: 0"), answer);
});

Deno.test("user name and password are decoded, with colons in the password", () => {
  const { credentials } =
    decode(decodeConnect(), latin1(connect("a:1", "proxy-authorization: bAsIc  YWxpY2U6c2U6Y3LDqXQ=")))
      .value;
  assertEquals([text(credentials!.user), text(credentials!.password)], ["alice", "se:crét"]);
});

Deno.test("an authorization field without user name and password is ignored", () => {
  for (
    const value of ["", "Basic", "Basic ", "Basic YWxpY2U=", "Basic ====", "Basic a", "Basic YTpi YTpi", "Digest YTpi"]
  ) {
    const request = connect("a:1", `Proxy-Authorization: ${value}`);
    assertEquals(decode(decodeConnect(), latin1(request)).value.credentials, undefined, value);
  }
});

const REFUSED = [
  ["another method", 405, head("GET http://web/ HTTP/1.1", "Host: web")],
  ["a lower-case method", 405, head("connect web:80 HTTP/1.1", "Host: web")],
  ["another method without a host", 405, head("OPTIONS * HTTP/1.1")],
  ["HTTP/2", 505, head("PRI * HTTP/2.0")],
  ["HTTP/3", 505, head("CONNECT web:80 HTTP/3.0", "Host: web")],
  ["no version", 400, head("CONNECT web:80")],
  ["an odd version", 400, head("CONNECT web:80 HTTP/1.1.1", "Host: web")],
  ["a lower-case version", 400, head("CONNECT web:80 http/1.1", "Host: web")],
  ["two spaces", 400, head("CONNECT  web:80 HTTP/1.1", "Host: web")],
  ["a trailing space", 400, head("CONNECT web:80 HTTP/1.1 ", "Host: web")],
  ["a tab instead of a space", 400, head("CONNECT\tweb:80 HTTP/1.1", "Host: web")],
  ["an empty first line", 400, head("", "CONNECT web:80 HTTP/1.1", "Host: web")],
  ["nothing at all", 400, "\r\n\r\n"],
  ["no host", 400, head("CONNECT web:80 HTTP/1.1")],
  ["two hosts", 400, head("CONNECT web:80 HTTP/1.1", "Host: web", "Host: web")],
  ["two authorizations", 400, connect("a:1", "Proxy-Authorization: Basic YTpi", "Proxy-Authorization: Basic YTpi")],
  ["content", 400, connect("web:80", "Content-Length: 5")],
  ["content with two lengths", 400, connect("web:80", "Content-Length: 0", "Content-Length: 5")],
  ["content in chunks", 400, connect("web:80", "Transfer-Encoding: chunked")],
  ["a field without a colon", 400, connect("web:80", "Proxy")],
  ["a field without a name", 400, connect("web:80", ": x")],
  ["a space before a colon", 400, connect("web:80", "X : x")],
  ["a folded line", 400, connect("web:80", "X: x", " y")],
  ["line ends without CR", 400, "CONNECT web:80 HTTP/1.1\nHost: web\n\n"],
  ["a CR alone", 400, connect("web:80", "X: x\ry")],
  ["a zero byte", 400, connect("web:80", "X: \0")],
  ["a DEL byte", 400, connect("web:80", "X: \x7f")],
  ["no port", 400, connect("web")],
  ["an empty port", 400, connect("web:")],
  ["port 0", 400, connect("web:0")],
  ["port 65536", 400, connect("web:65536")],
  ["a port that is not a number", 400, connect("web:http")],
  ["a negative port", 400, connect("web:-1")],
  ["no host in the target", 400, connect(":80")],
  ["an IPv6 address without brackets", 400, connect("2001:db8::1:80")],
  ["an IPv4 address in brackets", 400, connect("[192.0.2.1]:80")],
  ["an address with a scope", 400, connect("[fe80::1%25eth0]:80")],
  ["a user in the target", 400, connect("alice@web:80")],
  ["a URL", 400, connect("http://web:80/")],
  ["a path", 400, connect("/web:80")],
  ["an address as a single number", 400, connect("2130706433:80")],
  ["a non-ASCII host", 400, connect("w\u00e9b:80")],
] as const;

for (const [what, status, request] of REFUSED) {
  Deno.test(`${what} is answered with ${status}`, () => {
    const error = assertThrows(() => decode(decodeConnect(), latin1(request)), HttpError);
    assertEquals(error.status, status, error.message);
  });
}

Deno.test("a head of 8192 bytes is accepted, a longer one rejected at that length", () => {
  const empty = connect("web:80", "X: ").length;
  const fits = connect("web:80", `X: ${"x".repeat(MAX_HEAD - empty)}`);
  assertEquals([fits.length, decode(decodeConnect(), latin1(fits)).value.destination.port], [8192, 80]);
  for (const request of [connect("web:80", `X: ${"x".repeat(MAX_HEAD - empty + 1)}`), "x".repeat(100_000)]) {
    const asked: number[] = [];
    const error = assertThrows(() => decode(decodeConnect(), latin1(request), asked), HttpError);
    assertEquals(error.status, 431);
    assertEquals(asked.reduce((a, b) => a + b, 0) <= MAX_HEAD + 4, true);
  }
});

Deno.test("TLS and SOCKS are refused by their first byte", () => {
  for (const bytes of ["16030102", "05010000", "04010050"]) {
    const asked: number[] = [];
    assertThrows(() => decode(decodeConnect(), Uint8Array.fromHex(bytes), asked), HttpError);
    assertEquals(asked, [4]);
  }
});

Deno.test("success has no content; errors have their length and close the connection", () => {
  assertEquals(text(encodeEstablished()), "HTTP/1.1 200 Connection Established\r\n\r\n");
  for (const status of Object.keys(STATUSES).map(Number).filter((status) => status !== 200)) {
    const answer = text(encodeError(status as Exclude<keyof typeof STATUSES, 200>, "why"));
    assertMatch(answer, new RegExp(`^HTTP/1\\.1 ${status} [A-Z][A-Za-z ]+\\r\\n`));
    assertMatch(answer, /\r\nContent-Length: 11\r\nConnection: close\r\n\r\nmicss: why\n$/);
    assertEquals(/\r\nAllow: CONNECT\r\n/.test(answer), status === 405);
    assertEquals(/\r\nProxy-Authenticate: Basic realm="micss", charset="UTF-8"\r\n/.test(answer), status === 407);
  }
});
