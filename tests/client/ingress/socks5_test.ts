import { assertEquals, assertRejects } from "@std/assert";
import { NotAllowed } from "../../../src/client/ingress/refusal.ts";
import { Socks5Ingress } from "../../../src/client/ingress/socks5.ts";
import { Users } from "../../../src/client/ingress/users.ts";
import { writeAll } from "../../../src/net/connection.ts";
import { TargetError } from "../../../src/streams/errors.ts";
import { ResultCode } from "../../../src/wire/frame.ts";
import { settle } from "../../support/time/fake_clock.ts";
import { readToEnd } from "../../support/handlers/pair.ts";
import { LISTEN, readSome, startTalk, writeByteByByte } from "../../support/handlers/talk.ts";

const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const USERS = new Users("alice:se:cret\nbob:b\n");
const REQUEST = hex("05 01 00 03 03 776562 0050");
/** Version 1, "alice", "se:cret". */
const ALICE = hex("01 05 616c696365 07 73653a63726574");

Deno.test("an application without authentication requests a destination, and learns that it is connected", async () => {
  await using talk = await startTalk(new Socks5Ingress(LISTEN));
  const { application } = talk;
  await writeAll(application, hex("05 02 00 02"));
  assertEquals((await readSome(application)).toHex(), "0500");
  await writeAll(application, REQUEST);
  const arrival = await talk.arrival();
  assertEquals(arrival.destination, { host: "web", port: 80 });
  await arrival.accepted!();
  assertEquals((await readSome(application)).toHex(), "05000001000000000000");
});

Deno.test("nothing after the request is read, with any chunking", async () => {
  const greeting = hex("05 01 00"), behind = hex("aa bb cc");
  for (const chunk of [undefined, () => 1]) {
    await using talk = await startTalk(new Socks5Ingress(LISTEN), chunk && { chunk });
    const bytes = Uint8Array.of(...greeting, ...REQUEST, ...behind);
    await (chunk === undefined ? writeAll(talk.application, bytes) : writeByteByByte(talk.application, bytes));
    const { destination, connection } = await talk.arrival();
    assertEquals(destination, { host: "web", port: 80 });
    let rest = "";
    while (rest.length < 6) rest += (await readSome(connection)).toHex();
    assertEquals(rest, "aabbcc");
  }
});

Deno.test("with users, a correct password is accepted", async () => {
  await using talk = await startTalk(new Socks5Ingress(LISTEN, USERS), { chunk: () => 1 });
  const { application } = talk;
  await writeAll(application, hex("05 02 00 02"));
  assertEquals((await readSome(application)).toHex() + (await readSome(application)).toHex(), "0502");
  await writeByteByByte(application, ALICE);
  assertEquals((await readSome(application)).toHex() + (await readSome(application)).toHex(), "0100");
  await writeAll(application, REQUEST);
  assertEquals((await talk.arrival()).destination, { host: "web", port: 80 });
});

/** The application's bytes, and the complete reply. */
const TURNED_AWAY = [
  ["only password authentication offered, and no users", undefined, "05 01 02", "05ff"],
  ["no method at all", undefined, "05 00", "05ff"],
  ["no password offered, although there are users", USERS, "05 01 00", "05ff"],
  ["a wrong password", USERS, "05 01 02 01 05 616c696365 01 78", "0502 0101"],
  ["an unknown user", USERS, "05 01 02 01 01 78 07 73653a63726574", "0502 0101"],
  ["an empty user and password", USERS, "05 01 02 01 00 00", "0502 0101"],
  ["BIND", undefined, "05 01 00 05 02 00 01 c0000201 0050", "0500 05070001000000000000"],
  ["UDP ASSOCIATE without relays", undefined, "05 01 00 05 03 00 01 00000000 0000", "0500 05010001000000000000"],
  ["an address of an unknown type", undefined, "05 01 00 05 01 00 05 aabbcc", "0500 05080001000000000000"],
  ["an invalid name", undefined, "05 01 00 05 01 00 03 01 20 0050", "0500 05010001000000000000"],
  ["port 0", undefined, "05 01 00 05 01 00 01 c0000201 0000", "0500 05010001000000000000"],
  ["a request with another version", undefined, "05 01 00 04 01 00 01 c0000201 0050", "0500 05010001000000000000"],
] as const;

for (const [what, users, said, heard] of TURNED_AWAY) {
  Deno.test(`${what}: the application gets a reply, and the connection closes in order`, async () => {
    for (const chunk of [undefined, () => 1]) {
      await using talk = await startTalk(new Socks5Ingress(LISTEN, users), chunk && { chunk });
      await writeAll(talk.application, hex(said));
      const { bytes, error } = await readToEnd(talk.application);
      assertEquals([bytes.toHex(), error], [heard.replaceAll(" ", ""), null]);
      talk.application.close();
      await talk.ingress.idle();
      assertEquals(talk.arrivals, []);
      assertEquals([talk.network.openEnds, talk.clock.pending], [0, 0]);
    }
  });
}

/** Failures and their reply codes. */
const REFUSALS = [
  [new TargetError(ResultCode.Refused, ""), 5],
  [new TargetError(ResultCode.Unreachable, ""), 4],
  [new TargetError(ResultCode.NotAllowed, ""), 2],
  [new TargetError(ResultCode.Overloaded, ""), 1],
  [new TargetError(ResultCode.NotProcessed, ""), 1],
  [new NotAllowed("no server"), 2],
  [new Error("a channel failed"), 1],
] as const;

for (const [error, reply] of REFUSALS) {
  const what = error instanceof TargetError ? `the server's result ${ResultCode[error.code]}` : error.message;
  Deno.test(`${what} is reply ${reply}, and the connection closes in order despite unread bytes`, async () => {
    await using talk = await startTalk(new Socks5Ingress(LISTEN));
    await writeAll(talk.application, Uint8Array.of(...hex("05 01 00"), ...REQUEST, ...hex("aabbcc")));
    const refused = (await talk.arrival()).refused(error);
    const { bytes, error: met } = await readToEnd(talk.application);
    assertEquals([bytes.toHex(), met], [`0500050${reply}0001000000000000`, null]);
    talk.application.close();
    await refused;
    assertEquals([talk.network.openEnds, talk.clock.pending], [0, 0]);
  });
}

Deno.test("an application that does not close after a refusal is closed within a second", async () => {
  await using talk = await startTalk(new Socks5Ingress(LISTEN));
  await writeAll(talk.application, Uint8Array.of(...hex("05 01 00"), ...REQUEST));
  const refused = (await talk.arrival()).refused(new Error());
  await talk.clock.advance(999);
  assertEquals(talk.network.openEnds, 2);
  await talk.clock.advance(1);
  await refused;
  assertEquals([talk.network.openEnds, talk.clock.pending], [1, 0]);
});

for (const said of ["", "05", "05 01 00", "05 01 00 05 01 00 03 03 77"]) {
  Deno.test(`an application that stops after "${said}" is closed after 5 s`, async () => {
    await using talk = await startTalk(new Socks5Ingress(LISTEN));
    await writeByteByByte(talk.application, hex(said));
    await talk.clock.advance(4999);
    assertEquals(talk.ingress.size, 1);
    await talk.clock.advance(1);
    await talk.ingress.idle();
    assertEquals([talk.network.openEnds, talk.clock.pending, talk.arrivals.length], [1, 0, 0]);
  });
}

Deno.test("slow bytes do not extend the time limit", async () => {
  await using talk = await startTalk(new Socks5Ingress(LISTEN));
  for (let second = 0; second < 2; second++) {
    await writeAll(talk.application, hex("05"));
    await talk.clock.advance(2500);
  }
  await talk.ingress.idle();
  assertEquals([talk.network.openEnds, talk.clock.pending], [1, 0]);
});

for (const said of ["", "05 01 00", "05 01 00 05 01"]) {
  Deno.test(`an application that disconnects after "${said}" leaves nothing open`, async () => {
    await using talk = await startTalk(new Socks5Ingress(LISTEN));
    await writeAll(talk.application, hex(said));
    await settle();
    talk.application.close();
    await talk.ingress.idle();
    assertEquals([talk.network.openEnds, talk.clock.pending, talk.arrivals.length], [0, 0, 0]);
  });
}

Deno.test("anything other than SOCKS5 is reset", async () => {
  await using talk = await startTalk(new Socks5Ingress(LISTEN));
  await writeAll(talk.application, new TextEncoder().encode("GET / HTTP/1.1\r\n"));
  await assertRejects(() => readSome(talk.application), Deno.errors.ConnectionReset);
});
