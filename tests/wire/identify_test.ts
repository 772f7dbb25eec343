import { assertEquals, assertThrows } from "@std/assert";
import { encodeAssociate } from "../../src/wire/associate.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { decodeFirst } from "../../src/wire/first.ts";
import type { WireAddress } from "../../src/wire/addresses.ts";
import {
  type ChannelList,
  decodeChannelList,
  decodeIdentifyReply,
  encodeChannelList,
  encodeIdentify,
  encodeIdentifyAnswer,
  encodeIdentifyRefusal,
  IdentifyRefusal,
  identifyTranscript,
  Method,
  type Transcript,
} from "../../src/wire/identify.ts";
import { encodeRejoin } from "../../src/wire/rejoin.ts";
import { decode } from "../support/wire/decode.ts";
import { forSeeds, type Random } from "../support/random/random.ts";

const A: WireAddress = { address: Uint8Array.of(192, 0, 2, 10), port: 6522 };
const B: WireAddress = { address: Uint8Array.fromHex("20010db8000000000000000000000010"), port: 1 };
const LIST: ChannelList = { channels: [A, B], valid: 3600 };

function anyList(random: Random): ChannelList {
  const channels = Array.from({ length: random.between(2, 16) }, (_, at) => {
    const address = random.bytes(random.pick([4, 16]));
    address[3] = at + 1;
    return { address, port: random.between(1, 65535) };
  });
  return { channels, valid: random.between(1, 2_592_000) };
}

Deno.test("a client's first message is a list of cookies, an identification request or a REJOIN, by its first byte", () => {
  const question = { keyId: new Uint8Array(8).fill(1), nonce: new Uint8Array(32).fill(2) };
  const asked: number[] = [];
  assertEquals(decode(decodeFirst(), encodeIdentify(question), asked).value, { kind: "identify", question });
  assertEquals(asked, [4, 37]);
  const list = { scheme: 1, threshold: 2, cookies: [new Uint8Array(16), new Uint8Array(16).fill(1)] };
  assertEquals(decode(decodeFirst(), encodeAssociate(list)).value, { kind: "associate", list });
  const code = new Uint8Array(16).fill(5), handle = new Uint8Array(16).fill(4);
  const rejoin = { handle, attempt: 7, received: 2 ** 40 + 3, code };
  asked.length = 0;
  assertEquals(decode(decodeFirst(), encodeRejoin(rejoin), asked).value, { kind: "rejoin", rejoin });
  assertEquals(asked, [4, 38]);
  const used = encodeRejoin({ ...rejoin, attempt: 8 }), long = encodeRejoin(rejoin);
  long[18] = 255;
  for (const bytes of [used, long]) assertThrows(() => decode(decodeFirst(), bytes), WireError);
  for (const type of [0, 4, 71, 255]) {
    assertThrows(() => decode(decodeFirst(), new Uint8Array(100).fill(type)), WireError, `a message of type ${type}`);
  }
});

Deno.test("any list decodes to what was encoded", async () => {
  await forSeeds(200, (random) => {
    const list = anyList(random);
    assertEquals(decodeChannelList(encodeChannelList(list)), list);
  });
});

Deno.test("a truncated list, or one with trailing bytes, is refused", () => {
  const bytes = encodeChannelList(LIST);
  assertEquals(bytes.length, 7 + 19 + 4);
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => decodeChannelList(bytes.subarray(0, length)), Error);
  }
  assertThrows(() => decodeChannelList(Uint8Array.from([...bytes, 0])), WireError);
});

Deno.test("a list that would be refused is not encoded either", () => {
  const cases: [ChannelList, string][] = [
    [{ ...LIST, channels: [A] }, "a list has 1 channels; must have 2 to 16"],
    [{ ...LIST, channels: [A, B, { ...A, port: 7 }] }, "a list has two channels at one address"],
    [{ ...LIST, channels: [A, { ...B, port: 0 }] }, "a list has an unusable address"],
    [{ ...LIST, valid: 0 }, "a list is valid for 0 s"],
    [{ ...LIST, valid: 2_592_001 }, "a list is valid for 2592001 s"],
  ];
  for (const [list, message] of cases) assertThrows(() => encodeChannelList(list), RangeError, message);
});

Deno.test("an answer decodes to what was encoded, without reading beyond it", () => {
  for (const [method, length] of [[Method.HmacSha256, 32], [Method.Ed25519, 64]] as const) {
    const answer = { method, list: encodeChannelList(LIST), token: new Uint8Array(length).fill(7) };
    const asked: number[] = [];
    const bytes = Uint8Array.from([...encodeIdentifyAnswer(answer), 1, 2, 3]);
    assertEquals(decode(decodeIdentifyReply(method), bytes, asked).value, { kind: "answer", answer });
    assertEquals(asked, [1, 3, 30, length]);
  }
});

Deno.test("a wrong method or length of an answer is refused before its list is read", () => {
  const cases: [number[], string][] = [
    [[2, 1, 0, 18], "expected an answer of method 2 (Ed25519), got method 1"],
    [[2, 0, 0, 18], "expected an answer of method 2 (Ed25519), got method 0"],
    [[2, 2, 0, 17], "a list of 17 bytes"],
    [[2, 2, 1, 53], "a list of 309 bytes"],
    [[2, 2, 255, 255], "a list of 65535 bytes"],
  ];
  for (const [bytes, message] of cases) {
    assertThrows(() => decode(decodeIdentifyReply(Method.Ed25519), Uint8Array.from(bytes)), WireError, message);
  }
});

Deno.test("each reason of a refusal decodes from its two bytes, and unknown ones are refused", () => {
  for (let reason = 0; reason < 256; reason++) {
    const reply = () => decode(decodeIdentifyReply(Method.HmacSha256), encodeIdentifyRefusal(reason)).value;
    if (reason === IdentifyRefusal.NoSuchKey || reason === IdentifyRefusal.NotAnnounced) {
      assertEquals(reply(), { kind: "refused", reason });
    } else assertThrows(reply, WireError, `refused for unknown reason ${reason}`);
  }
});

Deno.test("distinct token contents have distinct transcripts", async () => {
  await forSeeds(100, (random) => {
    const one: Transcript = {
      method: Method.HmacSha256,
      keyId: random.bytes(8),
      nonce: random.bytes(32),
      connected: A,
      list: encodeChannelList(anyList(random)),
    };
    const others: Transcript[] = [
      { ...one, method: Method.Ed25519 },
      { ...one, keyId: random.bytes(8) },
      { ...one, nonce: random.bytes(32) },
      { ...one, connected: B },
      { ...one, connected: { ...A, port: 6523 } },
      { ...one, list: one.list.slice(0, -7) },
      { ...one, list: Uint8Array.from([...one.list, 0]) },
    ];
    const all = [one, ...others].map((transcript) => identifyTranscript(transcript).toHex());
    assertEquals(new Set(all).size, all.length);
  });
});
