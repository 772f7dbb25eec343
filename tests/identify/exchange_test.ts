/** Answers with a right token: the server handler, or whoever holds its key, may still be wrong. */
import { assertEquals, assertRejects } from "@std/assert";
import { answerIdentify, fromWire } from "../../src/identify/answer.ts";
import { identify, IdentifyError } from "../../src/identify/exchange.ts";
import { writeAll } from "../../src/net/connection.ts";
import { encodeGreeting } from "../../src/wire/greeting.ts";
import type { WireAddress } from "../../src/wire/addresses.ts";
import { type ChannelList, encodeIdentifyAnswer, identifyTranscript, Method } from "../../src/wire/identify.ts";
import { gone, impersonate } from "../support/handlers/answers.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";
import { makeKey, type Pair } from "../support/handlers/keys.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";

const FIRST: WireAddress = { address: Uint8Array.of(192, 0, 2, 1), port: 6522 };
const OTHER: WireAddress = { address: Uint8Array.of(198, 51, 100, 1), port: 6522 };
const AT = fromWire(FIRST);
const GREETING = encodeGreeting(new Uint8Array(16));

/** The outcome of a request answered by a holder of the key. */
async function ask(
  answer: (question: { keyId: Uint8Array; nonce: Uint8Array }, key: Pair) => Promise<Uint8Array>,
  at = AT,
) {
  const network = new MemoryNetwork(), clock = new FakeClock(), key = await makeKey("hmac");
  using _ = impersonate(network, at, GREETING, async (connection, bytes) => {
    await writeAll(connection, await answer({ keyId: bytes.slice(1, 9), nonce: bytes.slice(9) }, key));
    await gone(connection);
  });
  try {
    return await identify(at, [key.client], { network, clock, timeout: 5000 });
  } finally {
    await settle();
    assertEquals([network.openEnds, clock.pending], [0, 0]);
  }
}

function answerWith(channels: ChannelList["channels"], connected = FIRST) {
  return ask((question, key) => answerIdentify(question, key.server, connected, { channels, valid: 60 }));
}

/** Signs any list, even one that the encoder refuses. */
function answerWithList(list: Uint8Array<ArrayBuffer>) {
  return ask(async (question, { server }) => {
    const method = Method.HmacSha256;
    const transcript = identifyTranscript({ ...question, method, connected: FIRST, list });
    return encodeIdentifyAnswer({ method, list, token: await server.sign!(transcript) });
  });
}

Deno.test("a right answer yields the server handler's channels, in its order", async () => {
  const { channels, valid } = await answerWith([OTHER, FIRST]);
  assertEquals([channels, valid], [[{ host: "198.51.100.1", port: 6522 }, AT], 60]);
});

Deno.test("a list without the requested address is refused", async () => {
  const third = { ...OTHER, address: Uint8Array.of(203, 0, 113, 1) };
  await assertRejects(
    () => answerWith([OTHER, third]),
    IdentifyError,
    "the list lacks the requested address",
  );
});

Deno.test("a list with two spellings of one address is refused", async () => {
  const mapped = { address: Uint8Array.fromHex("00000000000000000000ffffc0000201"), port: 6522 };
  await assertRejects(() => answerWith([FIRST, mapped]), IdentifyError, "the list has two channels at one address");
});

Deno.test("a malformed list is refused even with a right token", async () => {
  const cases: [string, string][] = [
    ["04c0000201197a04c0000201197b0000003c", "a list has two channels at one address"],
    ["04c0000201197a04c633640100000000003c", "a list has an unusable address"],
    ["04c0000201197a05c6336401197a0000003c", "an address has unknown family 5"],
    ["04c0000201197a04c6336401197a00000000", "a list is valid for 0 s"],
    ["04c0000201197a04c6336401197a00278d01", "a list is valid for 2592001 s"],
    ["04c0000201197a06c6336401197a0000003c", "a list ends within an address"],
  ];
  for (const [list, message] of cases) {
    await assertRejects(() => answerWithList(Uint8Array.fromHex(list)), IdentifyError, message);
  }
});

Deno.test("every request has a nonce of its own", async () => {
  const nonces = new Set<string>();
  for (let at = 0; at < 20; at++) {
    await ask((question, key) => {
      nonces.add(question.nonce.toHex());
      return answerIdentify(question, key.server, FIRST, { channels: [FIRST, OTHER], valid: 60 });
    });
  }
  assertEquals(nonces.size, 20);
});

Deno.test("connecting is given up after the time limit, and when aborted", async () => {
  const key = await makeKey();
  for (const [reason, stop] of [["no answer within 5 s", false], ["enough", true]] as const) {
    const network = new MemoryNetwork({ onConnect: () => new Promise(() => {}) }), clock = new FakeClock();
    const giveUp = new AbortController();
    const asking = assertRejects(
      () => identify(AT, [key.client], { network, clock, timeout: 5000, signal: giveUp.signal }),
      IdentifyError,
      `192.0.2.1:6522 did not identify its channels: ${reason}`,
    );
    if (stop) giveUp.abort(new Error("enough"));
    else await clock.advance(5000);
    await asking;
    assertEquals([network.openEnds, clock.pending], [0, 0]);
  }
});
