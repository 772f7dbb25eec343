import { assertEquals, assertMatch } from "@std/assert";
import { HttpConnectIngress } from "../../../src/client/ingress/http_connect.ts";
import { NotAllowed } from "../../../src/client/ingress/refusal.ts";
import { Users } from "../../../src/client/ingress/users.ts";
import { writeAll } from "../../../src/net/connection.ts";
import { LookupError } from "../../../src/net/names/lookups.ts";
import { TargetError } from "../../../src/streams/errors.ts";
import { ResultCode } from "../../../src/wire/frame.ts";
import { settle } from "../../support/time/fake_clock.ts";
import { readToEnd } from "../../support/handlers/pair.ts";
import { latin1, LISTEN, readSome, startTalk, writeByteByByte } from "../../support/handlers/talk.ts";

const USERS = new Users("alice:se:cret\n");
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A request for port 80 of the server "web", optionally with a password. */
function request(userAndPassword?: string): Uint8Array {
  const field = userAndPassword === undefined ? "" : `Proxy-Authorization: Basic ${btoa(userAndPassword)}\r\n`;
  return latin1(`CONNECT web:80 HTTP/1.1\r\nHost: web:80\r\n${field}\r\n`);
}

Deno.test("an application requests a destination, and learns that it is connected", async () => {
  await using talk = await startTalk(new HttpConnectIngress(LISTEN));
  await writeAll(talk.application, request());
  const arrival = await talk.arrival();
  assertEquals(arrival.destination, { host: "web", port: 80 });
  await arrival.accepted!();
  assertEquals(text(await readSome(talk.application)), "HTTP/1.1 200 Connection Established\r\n\r\n");
});

Deno.test("nothing after the head is read, with any chunking", async () => {
  for (const chunk of [undefined, () => 1]) {
    await using talk = await startTalk(new HttpConnectIngress(LISTEN), chunk && { chunk });
    const bytes = Uint8Array.of(...request(), ...latin1("\r\n\r\nSSH-2.0"));
    await (chunk === undefined ? writeAll(talk.application, bytes) : writeByteByByte(talk.application, bytes));
    const { connection } = await talk.arrival();
    let rest = "";
    while (rest.length < 11) rest += text(await readSome(connection));
    assertEquals(rest, "\r\n\r\nSSH-2.0");
  }
});

Deno.test("with users, a correct password is accepted", async () => {
  await using talk = await startTalk(new HttpConnectIngress(LISTEN, USERS));
  await writeAll(talk.application, request("alice:se:cret"));
  assertEquals((await talk.arrival()).destination, { host: "web", port: 80 });
});

const TURNED_AWAY = [
  ["no password", USERS, request(), 407],
  ["a wrong password", USERS, request("alice:secret"), 407],
  ["an unknown user", USERS, request("bob:se:cret"), 407],
  ["another method", undefined, latin1("GET / HTTP/1.1\r\nHost: web\r\n\r\n"), 405],
  ["other than HTTP", undefined, latin1("SSH-2.0-OpenSSH_9.9\r\n\r\n"), 400],
  ["a head without an end", undefined, latin1("CONNECT web:80 HTTP/1.1\r\nX: ".padEnd(20_000, "x")), 431],
] as const;

for (const [what, users, said, status] of TURNED_AWAY) {
  Deno.test(`${what} is answered with ${status}, and the connection closes in order`, async () => {
    for (const chunk of [undefined, () => 1]) {
      await using talk = await startTalk(new HttpConnectIngress(LISTEN, users), chunk && { chunk });
      await writeAll(talk.application, said);
      const { bytes, error } = await readToEnd(talk.application);
      assertMatch(text(bytes), new RegExp(`^HTTP/1\\.1 ${status} .*\\nmicss: .*\\n$`, "s"));
      assertEquals(error, null);
      talk.application.close();
      await talk.ingress.idle();
      assertEquals([talk.network.openEnds, talk.clock.pending, talk.arrivals.length], [0, 0, 0]);
    }
  });
}

/** Failures and their statuses. */
const REFUSALS = [
  [new TargetError(ResultCode.Refused, ""), 502, "the target refused the connection"],
  [new TargetError(ResultCode.Unreachable, ""), 504, "the target can't be reached"],
  [new TargetError(ResultCode.NotAllowed, ""), 403, "connections to this destination are not allowed"],
  [new TargetError(ResultCode.Overloaded, ""), 503, "too many sessions; try again later"],
  [new TargetError(ResultCode.NotProcessed, ""), 503, "too many sessions; try again later"],
  [new NotAllowed("no server"), 403, "connections to this destination are not allowed"],
  [new LookupError("nosuch.test: no such name"), 502, "the name can't be resolved"],
  [new Error("a channel failed"), 502, "the session with the server handler failed"],
] as const;

for (const [error, status, sentence] of REFUSALS) {
  const what = error instanceof TargetError ? `the server's result ${ResultCode[error.code]}` : error.message;
  Deno.test(`${what} is answered with ${status}, and the connection closes in order despite unread bytes`, async () => {
    await using talk = await startTalk(new HttpConnectIngress(LISTEN));
    await writeAll(talk.application, Uint8Array.of(...request(), 1, 2, 3));
    const refused = (await talk.arrival()).refused(error);
    const { bytes, error: met } = await readToEnd(talk.application);
    assertMatch(text(bytes), new RegExp(`^HTTP/1\\.1 ${status} `));
    assertEquals([text(bytes).split("\r\n\r\n")[1], met], [`micss: ${sentence}\n`, null]);
    talk.application.close();
    await refused;
    assertEquals([talk.network.openEnds, talk.clock.pending], [0, 0]);
  });
}

for (
  const said of ["", "CONN", "CONNECT web:80 HTTP/1.1\r\nHost: web\r\n", "CONNECT web:80 HTTP/1.1\r\nHost: web\r\n\r"]
) {
  Deno.test(`an application that stops after ${JSON.stringify(said)} gets a time-out response after 5 s`, async () => {
    await using talk = await startTalk(new HttpConnectIngress(LISTEN));
    await writeByteByByte(talk.application, latin1(said));
    await talk.clock.advance(4999);
    assertEquals([talk.ingress.size, talk.network.openEnds], [1, 2]);
    await talk.clock.advance(1);
    const { bytes, error } = await readToEnd(talk.application);
    assertMatch(text(bytes), /^HTTP\/1\.1 408 .*\nmicss: no complete request within 5 s\n$/s);
    assertEquals(error, null);
    await talk.clock.advance(1000);
    await talk.ingress.idle();
    assertEquals([talk.network.openEnds, talk.clock.pending, talk.arrivals.length], [1, 0, 0]);
  });
}

Deno.test("an application that disconnects during its request leaves nothing open", async () => {
  await using talk = await startTalk(new HttpConnectIngress(LISTEN));
  await writeAll(talk.application, latin1("CONNECT web:80 HT"));
  await settle();
  talk.application.reset();
  await talk.ingress.idle();
  assertEquals([talk.network.openEnds, talk.clock.pending, talk.arrivals.length], [0, 0, 0]);
});
