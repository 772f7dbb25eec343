/** docs/PROTOCOL.md matches the code: every type, code, length and limit that it states. */

import { MAX_CLIENT_NAME, PROOF_LENGTH } from "../../src/wire/authenticate.ts";
import { assert, assertEquals } from "@std/assert";
import { READ_AHEAD } from "../../src/association/channel_reader.ts";
import { KEPT_BUDGET, MAX_KEPT } from "../../src/association/rejoin.ts";
import { HANDSHAKE_TIMEOUT } from "../../src/association/initiate.ts";
import { DEFAULT_TIMEOUTS } from "../../src/config/common.ts";
import { MAX_SEQUENCE, PACKET_OVERHEAD, PATH_LENGTH } from "../../src/datagrams/packet.ts";
import { PACKET_HANDLE_LENGTH } from "../../src/wire/datagrams.ts";
import { WINDOW } from "../../src/datagrams/replay_window.ts";
import { AMPLIFICATION, CHALLENGE_INTERVAL, CHALLENGE_TIMEOUT } from "../../src/datagrams/return_address.ts";
import { MAX_WAIT, RING_ENTRIES } from "../../src/datagrams/share_ring.ts";
import { DEFAULT_PORT } from "../../src/net/address.ts";
import { ELEMENT_LENGTH, HASH_AT, KEY_LENGTH, MAX_BODY, RECORD_HEAD_LENGTH, TAG_AT } from "../../src/records/record.ts";
import { CIPHER_KEY_LENGTH } from "../../src/sharing/stream_cipher.ts";
import { xor } from "../../src/sharing/xor.ts";
import { LONGEST_WHOLE_BODY } from "../../src/short/layout.ts";
import {
  associateLength,
  encodeAssociate,
  encodeRefused,
  MAX_CHANNELS,
  MIN_CHANNELS,
  RefusedReason,
} from "../../src/wire/associate.ts";
import { WireError } from "../../src/wire/decoder.ts";
import {
  FRAME_HEAD_LENGTH,
  FrameType,
  INITIAL_CREDIT,
  INITIAL_STREAMS,
  MAX_CREDIT,
  MAX_DATA,
  MAX_PING,
  MAX_RESULT_TEXT,
  ResetCode,
  ResultCode,
} from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { encode, writeFrameHead } from "../../src/wire/frame_encoder.ts";
import { COOKIE_LENGTH, encodeGreeting, GREETING_LENGTH, PROTOCOL_VERSION } from "../../src/wire/greeting.ts";
import {
  encodeIdentify,
  encodeIdentifyRefusal,
  IDENTIFY,
  IDENTIFY_LENGTH,
  IdentifyRefusal,
  identifyTranscript,
  KEY_ID_LENGTH,
  MAX_VALID,
  Method,
  NONCE_LENGTH,
} from "../../src/wire/identify.ts";
import { encodeOpen, MAX_OPEN_BODY } from "../../src/wire/open.ts";
import {
  COUNT_LENGTH,
  encodeOffer,
  encodeRejoin,
  encodeRejoined,
  HANDLE_LENGTH,
  MAX_COUNT,
  OFFER_LENGTH,
  type Rejoin,
  REJOIN_ATTEMPTS,
  REJOIN_CODE_LENGTH,
  REJOIN_SECRETS_LENGTH,
} from "../../src/wire/rejoin.ts";
import { encodeWorkers, MAX_WORKERS, SERVER_ID_LENGTH } from "../../src/wire/workers.ts";
import { constant, number, read, section, tablesWith } from "./markdown.ts";

const text = read("docs/PROTOCOL.md");

/** A REJOIN whose fields are recognized by their bytes. */
const REQUEST: Rejoin = {
  handle: new Uint8Array(HANDLE_LENGTH).fill(7),
  attempt: REJOIN_ATTEMPTS - 1,
  received: 0x0102030405,
  code: new Uint8Array(REJOIN_CODE_LENGTH).fill(9),
};

/** An enum as rows of number and name. */
function rowsOf(numbers: Record<string, string | number>): string[][] {
  return Object.entries(numbers).flatMap(([name, value]) => typeof value === "number" ? [[`${value}`, name]] : []);
}

/** The first two cells of the rows of a section's table with these columns. */
function documented(heading: string, ...header: string[]): string[][] {
  const found = tablesWith(section(text, heading), ...header);
  return found.flatMap(({ rows }) => rows.map(([first = "", second = ""]) => [first, second]));
}

/** The layout tables of a section. @returns For each the offset, length and value of its fields, by their names. */
function layouts(heading: string): Map<string, { offset: string; length: string; value: string }>[] {
  return tablesWith(section(text, heading), "offset", "length", "field", "value").map(({ rows }) =>
    new Map(rows.map(([offset = "", length = "", field = "", value = ""]) => [field, { offset, length, value }]))
  );
}

Deno.test("PROTOCOL.md states every number as the code has it", () => {
  const code: Record<string, number> = {
    "version": PROTOCOL_VERSION,
    "port": DEFAULT_PORT,
    "channels, fewest": MIN_CHANNELS,
    "channels, most": MAX_CHANNELS,
    "further greetings, after enough have come, ms": constant("src/association/initiate.ts", "GRACE"),
    "behind the others, a channel that is not needed, bytes": constant("src/association/association.ts", "MAX_LAG"),
    "wrong part waits for further shares, ms": constant(
      "src/association/threshold_source.ts",
      "MORE_SHARES_TIMEOUT",
    ),
    "compared with the shares not needed, one part of": constant("src/association/threshold_source.ts", "AUDITED"),
    "offset of a connection with a threshold, bytes": COUNT_LENGTH,
    "cookie, bytes": COOKIE_LENGTH,
    "greeting, bytes": GREETING_LENGTH,
    "handshake, ms": HANDSHAKE_TIMEOUT,
    "held of a connection that is not associated, bytes": constant("tests/fuzz/wire_targets.ts", "MAX_ASKED"),
    "read ahead of what is joined, a channel, bytes": READ_AHEAD,
    "field element, bytes": ELEMENT_LENGTH,
    "KEY, bytes": KEY_LENGTH,
    "record head, bytes": RECORD_HEAD_LENGTH,
    "record body, most bytes": MAX_BODY,
    "body that short shares leave whole, most bytes": LONGEST_WHOLE_BODY,
    "K of a large body, bytes": CIPHER_KEY_LENGTH,
    "frame head, bytes": FRAME_HEAD_LENGTH,
    "frame body, most bytes": MAX_DATA,
    "PING and PONG, most bytes": MAX_PING,
    "RESULT's text, most bytes": MAX_RESULT_TEXT,
    "OPEN's body, most bytes": MAX_OPEN_BODY,
    "workers, most": MAX_WORKERS,
    "server handler's id, bytes": SERVER_ID_LENGTH,
    "credit at first, bytes": INITIAL_CREDIT,
    "credit, most bytes": MAX_CREDIT,
    "streams before the first STREAMS": INITIAL_STREAMS,
    "last stream number": 2 ** 32 - 1,
    "idle association at the client, ms": DEFAULT_TIMEOUTS.idle,
    "idle association at the server, ms": 2 * DEFAULT_TIMEOUTS.idle,
    "PING after, ms": DEFAULT_TIMEOUTS.ping,
    "silent channel is dead after, ms": DEFAULT_TIMEOUTS.silence,
    "last frames before an abort, ms": constant("src/streams/multiplexer.ts", "LAST_FRAMES_TIMEOUT"),
    "no close without an OPEN before, ms": constant("src/server/service.ts", "FIRST_OPEN_TIMEOUT"),
    "end after BYE, ms": constant("src/server/service.ts", "BYE_TIMEOUT"),
    "identify message, bytes": IDENTIFY_LENGTH,
    "key id, bytes": KEY_ID_LENGTH,
    "nonce, bytes": NONCE_LENGTH,
    "proof, bytes": PROOF_LENGTH,
    "client's name, most bytes": MAX_CLIENT_NAME,
    "identified list, most seconds valid": MAX_VALID,
    "datagram's handle, bytes": PACKET_HANDLE_LENGTH,
    "datagram's last sequence number": MAX_SEQUENCE,
    "datagram's packet beyond its payload, bytes": PACKET_OVERHEAD,
    "window of sequence numbers": WINDOW,
    "shares of incomplete datagrams, most a channel": RING_ENTRIES,
    "such a share waits, most ms": MAX_WAIT,
    "address that has not answered gets, times": AMPLIFICATION,
    "challenge again after, ms": CHALLENGE_INTERVAL,
    "address without an answer is given up after, ms": CHALLENGE_TIMEOUT,
    "challenge and response, bytes": PATH_LENGTH,
    "count of bytes, most": MAX_COUNT,
    "handle, bytes": HANDLE_LENGTH,
    "code of REJOIN and of REJOINED, bytes": REJOIN_CODE_LENGTH,
    "attempts of an OFFER": REJOIN_ATTEMPTS,
    "OFFER's body, bytes": OFFER_LENGTH,
    "REJOIN, bytes": encodeRejoin(REQUEST).length,
    "REJOINED, bytes": encodeRejoined(0, REQUEST.code).length,
    "joined before an ACK is due, bytes": constant("src/streams/acknowledger.ts", "ACK_BYTES"),
    "ACK after, ms": constant("src/streams/acknowledger.ts", "ACK_TIME"),
    "broken channel is given up after, ms": DEFAULT_TIMEOUTS.rejoin,
    "the same if all were ended, at the server, ms": constant(
      "src/association/rejoin_acceptor.ts",
      "ALL_ENDED_TIMEOUT",
    ),
    "shares kept of a channel and direction, bytes": MAX_KEPT,
    "the same before the first ACK, bytes": constant("src/association/association.ts", "KEPT_UNACKNOWLEDGED"),
    "shares kept in all, bytes": KEPT_BUDGET,
  };
  const stated = documented("## 11. Numbers", "what", "number").map(([what, value]) => [what, number(value!)]);
  assertEquals(Object.fromEntries(stated), code);
  assertEquals(DEFAULT_TIMEOUTS.handshake, HANDSHAKE_TIMEOUT);
});

Deno.test("PROTOCOL.md states the numbers of its prose as the code has them", () => {
  const flat = text.replace(/\s+(?:> )?/g, " ");
  for (
    const phrase of [
      `${MIN_CHANNELS} <= n <= ${MAX_CHANNELS}`,
      `listens on TCP port ${DEFAULT_PORT} of`,
      `A handshake may take ${HANDSHAKE_TIMEOUT / 1000} s`,
      `(here: ${READ_AHEAD.toLocaleString("en")})`,
      `The longest has ${MAX_OPEN_BODY} bytes`,
      `of at most ${MAX_RESULT_TEXT} bytes`,
      `idle for ${DEFAULT_TIMEOUTS.idle / 1000} s; the server ends one that was idle for ${
        2 * DEFAULT_TIMEOUTS.idle / 1000
      } s`,
      `nothing for ${DEFAULT_TIMEOUTS.ping / 1000} s sends PING`,
      `for ${DEFAULT_TIMEOUTS.silence / 1000} s while streams are open is dead`,
      `1 to ${MAX_VALID.toLocaleString("en")} (${MAX_VALID / 86_400} days)`,
      `a head of ${FRAME_HEAD_LENGTH} bytes and a body`,
      `a frame's body has at most ${MAX_DATA.toLocaleString("en")} bytes`,
      `begins with a credit of ${INITIAL_CREDIT.toLocaleString("en")} bytes`,
      `2^31-1 = ${MAX_CREDIT.toLocaleString("en")} at`,
      `which is ${INITIAL_STREAMS} until the server sends STREAMS`,
      `2^53-1 = ${MAX_COUNT.toLocaleString("en")}`,
      `when ${constant("src/streams/acknowledger.ts", "ACK_BYTES").toLocaleString("en")} bytes have been joined`,
      `and ${constant("src/streams/acknowledger.ts", "ACK_TIME")} ms after a frame other than ACK and PAD`,
      `(here: ${MAX_KEPT / 2 ** 20} MiB for a channel and direction, ${KEPT_BUDGET / 2 ** 20} MiB in all)`,
      `has been broken for ${DEFAULT_TIMEOUTS.rejoin / 1000} s`,
      `MAY give up after ${constant("src/association/rejoin_acceptor.ts", "ALL_ENDED_TIMEOUT") / 1000} s`,
      `(here: ${constant("src/association/association.ts", "MAX_LAG").toLocaleString("en")} bytes, and the budget`,
      `missing ${constant("src/association/initiate.ts", "GRACE") / 1000} s after the k-th greeting`,
      `or after ${constant("src/association/threshold_source.ts", "MORE_SHARES_TIMEOUT") / 1000} s, the last failure`,
      `for one of every ${constant("src/association/threshold_source.ts", "AUDITED")} for which`,
      `It allows eight _attempts_, 0 to ${REJOIN_ATTEMPTS - 1}`,
    ]
  ) assert(flat.includes(phrase), `"${phrase}" is not in PROTOCOL.md`);
});

Deno.test("PROTOCOL.md has every frame's type, name, stream and body length", () => {
  const { rows } = tablesWith(text, "type", "name", "body", "body length", "from", "stream", "section")[0]!;
  const types = rowsOf(FrameType).map(([type, name]) => [type, name!.toUpperCase()]);
  assertEquals(rows.map(([type, name]) => [type, name]), types);
  for (const [type, name, , lengths, , stream] of rows) {
    const [least, most = least] = lengths!.split(" to ").map(number);
    for (const length of [least! - 1, least!, most!, most! + 1]) {
      if (length < 0) continue;
      const isAllowed = length >= least! && length <= most!;
      assertEquals(isRefusedFor(Number(type), 1, length, `${name} of ${length} bytes`), !isAllowed, name);
    }
    assertEquals(isRefusedFor(Number(type), 0, least!, `${name} without a stream`), stream === "not 0", name);
    assertEquals(isRefusedFor(Number(type), 1, least!, `${name} on a stream`), stream === "0", name);
  }
});

/** True if a decoder refuses such a frame, with a body of zeros, for this reason. */
function isRefusedFor(type: number, stream: number, length: number, reason: string): boolean {
  const frame = new Uint8Array(FRAME_HEAD_LENGTH + length);
  writeFrameHead(frame, 0, type, stream, length);
  try {
    new FrameDecoder(frame).next();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return error.message === reason;
  }
  return false;
}

Deno.test("PROTOCOL.md has every code of RESULT and of RESET, and every reason, with its name", () => {
  const codes = tablesWith(section(text, "### 5.3. Codes"), "code", "name", "meaning");
  const [result, reset] = codes.map(({ rows }) => rows.map(([code, name]) => [code, name]));
  assertEquals(result, rowsOf(ResultCode));
  assertEquals(reset, rowsOf(ResetCode));
  assertEquals(documented("### 2.4. Answer", "reason", "name", "meaning"), rowsOf(RefusedReason));
  assertEquals(documented("## 7. Identification", "reason", "name", "meaning"), rowsOf(IdentifyRefusal));
  assertEquals(documented("## 7. Identification", "method", "name", "token"), rowsOf(Method));
});

Deno.test("PROTOCOL.md lays the greeting out as it is sent", () => {
  const [fields] = layouts("### 2.1. Greeting");
  const cookie = new Uint8Array(COOKIE_LENGTH).fill(7);
  const greeting = encodeGreeting(cookie);
  const at = (name: string) => {
    const { offset, length } = fields!.get(name)!;
    return greeting.slice(Number(offset), Number(offset) + Number(length));
  };
  assertEquals(new TextDecoder().decode(at("magic")), "MICSS");
  assertEquals([...at("version")], [Number(fields!.get("version")!.value)]);
  assertEquals(at("cookie"), cookie);
  assertEquals(sum(fields!), GREETING_LENGTH);
});

Deno.test("PROTOCOL.md lays the list and the refusal out as they are sent", () => {
  const [list] = layouts("### 2.2. Associate");
  const cookies = [1, 2, 3].map((byte) => new Uint8Array(COOKIE_LENGTH).fill(byte));
  const bytes = encodeAssociate({ scheme: xor.id, threshold: 3, cookies });
  assertEquals([...list!].map(([name, { offset, length }]) => [name, Number(offset), length]), [
    ["type", 0, "1"],
    ["scheme", 1, "1"],
    ["threshold", 2, "1"],
    ["n", 3, "1"],
    ["cookies", 4, `${COOKIE_LENGTH} n`],
  ]);
  assertEquals([...bytes.slice(0, 4)], [Number(list!.get("type")!.value), xor.id, 3, 3]);
  assert(list!.get("scheme")!.value.startsWith(`${xor.id} is XOR`));
  assertEquals(list!.get("n")!.value, `${MIN_CHANNELS} to ${MAX_CHANNELS}`);
  assertEquals(bytes.slice(4).toHex(), cookies.map((cookie) => cookie.toHex()).join(""));
  assertEquals(associateLength(3), Number(list!.get("cookies")!.offset) + 3 * COOKIE_LENGTH);
  const [refused] = layouts("### 2.4. Answer");
  const type = Number(refused!.get("type")!.value);
  assertEquals([...encodeRefused(RefusedReason.Mismatch)], [type, RefusedReason.Mismatch]);
  assertEquals([...encodeIdentifyRefusal(IdentifyRefusal.NoSuchKey)], [type, IdentifyRefusal.NoSuchKey]);
});

Deno.test("PROTOCOL.md lays KEY, records and frames out as they are sent", () => {
  const records = section(text, "## 4. Records");
  const fieldsOf = (part: string): string[][] => {
    const [table] = tablesWith(records, `${part}: offset`, "length", "field", "value");
    return table!.rows.map(([offset = "", length = "", field = ""]) => [field, offset, length]);
  };
  const element = `${ELEMENT_LENGTH}`;
  assertEquals(fieldsOf("KEY"), [["k", "0", element], ["rho", "16", element], ["tag", "32", element]]);
  assertEquals(fieldsOf("record"), [
    ["length", "0", "3"],
    ["hash", `${HASH_AT}`, element],
    ["tag", `${TAG_AT}`, element],
    ["body", `${RECORD_HEAD_LENGTH}`, "length"],
  ]);
  const [frame] = layouts("### 5.1. Layout");
  const bytes = encode.credit(0x01020304, 0x05060708);
  const at = (field: string): string => {
    const { offset, length } = frame!.get(field)!;
    return bytes.slice(Number(offset), length === "length" ? undefined : Number(offset) + Number(length)).toHex();
  };
  assertEquals([...frame!.keys()].map(at), ["0a", "01020304", "0004", "05060708"]);
});

Deno.test("PROTOCOL.md has every kind of destination, with the length of its host", () => {
  const kinds = documented("### 5.2. OPEN", "kind", "host");
  const bodies = [
    encodeOpen({ destination: { kind: "port", port: 1 } }),
    encodeOpen({ destination: { kind: "name", port: 1, host: "a".repeat(253) } }),
    encodeOpen({ destination: { kind: "address", port: 1, address: new Uint8Array(4) } }),
    encodeOpen({ destination: { kind: "address", port: 1, address: new Uint8Array(16) } }),
    encodeOpen({ destination: { kind: "datagrams", port: 1, flow: 1 } }),
  ];
  assertEquals(kinds.map(([kind]) => Number(kind)), bodies.map(([kind]) => kind!));
  // kind, port and source kind take 4 bytes
  assertEquals(bodies.map(({ length }) => length - 4), [0, 1 + 253, 4, 16, 2]);
  const said = [/^none/, /^length `u8`, then a host name of 1 to 253 bytes/, /4 bytes$/, /16 bytes$/, /^flow `u16`/];
  kinds.forEach(([, host], index) => assert(said[index]!.test(host!), host));
});

Deno.test("PROTOCOL.md lays WORKERS out as it is sent", () => {
  const { rows } = tablesWith(section(text, "### 5.5. Workers"), "length", "field", "value")[0]!;
  const id = new Uint8Array(SERVER_ID_LENGTH).fill(7);
  const body = encodeWorkers({ count: MAX_WORKERS, id });
  assertEquals(rows.map(([length, field]) => [Number(length), field]), [[1, "count"], [id.length, "id"]]);
  assert(rows[0]![2]!.endsWith(`2 to ${MAX_WORKERS}`));
  assertEquals([...body], [MAX_WORKERS, ...id]);
});

Deno.test("PROTOCOL.md lays the question for channels out as it is sent, and what a token is over", () => {
  const [question] = layouts("## 7. Identification");
  assertEquals(sum(question!), IDENTIFY_LENGTH);
  const keyId = new Uint8Array(KEY_ID_LENGTH).fill(1), nonce = new Uint8Array(NONCE_LENGTH).fill(2);
  const bytes = encodeIdentify({ keyId, nonce });
  assertEquals(bytes[0], IDENTIFY);
  assertEquals(bytes[0], Number(question!.get("type")!.value));
  assertEquals(bytes.slice(Number(question!.get("key id")!.offset)).slice(0, KEY_ID_LENGTH), keyId);
  assertEquals(bytes.slice(Number(question!.get("nonce")!.offset)), nonce);
  const connected = { address: Uint8Array.of(192, 0, 2, 10), port: 6522 }, list = Uint8Array.of(9, 9);
  const transcript = identifyTranscript({ method: Method.Ed25519, keyId, nonce, connected, list });
  const [, context] = /over these bytes, in this order: `"([^"]+)"` and a zero byte/.exec(text.replace(/\s+/g, " "))!;
  const rest = [Method.Ed25519, ...keyId, ...nonce, 4, 192, 0, 2, 10, 6522 >> 8, 6522 & 255, 0, 2, 9, 9];
  assertEquals([...transcript], [...new TextEncoder().encode(`${context}\0`), ...rest]);
});

Deno.test("PROTOCOL.md lays OFFER, REJOIN and REJOINED out as they are sent", () => {
  const section9 = section(text, "## 9. Joining a channel again");
  const fieldsOf = (part: string): Map<string, [number, number]> => {
    const [table] = tablesWith(section9, `${part}: offset`, "length", "field", "value");
    return new Map(table!.rows.map(([offset, length, field = ""]) => [field, [Number(offset), Number(length)]]));
  };
  const partsOf = (bytes: Uint8Array, fields: Map<string, [number, number]>): string[] => {
    const parts = [...fields.values()].map(([offset, length]) => bytes.slice(offset, offset + length).toHex());
    assertEquals(parts.join(""), bytes.toHex());
    return parts;
  };
  const masks = new Uint8Array(REJOIN_CODE_LENGTH * REJOIN_ATTEMPTS);
  const secrets = new Uint8Array(REJOIN_SECRETS_LENGTH).fill(1, 0, REJOIN_CODE_LENGTH)
    .fill(2, REJOIN_CODE_LENGTH, REJOIN_CODE_LENGTH + masks.length).fill(3, REJOIN_CODE_LENGTH + masks.length);
  const { handle, attempt, received, code } = REQUEST, offer = fieldsOf("OFFER");
  assertEquals([...offer.keys()], ["index", "handle", "a", "masks c", "masks s"]);
  assertEquals(partsOf(encodeOffer({ index: 5, handle: new Uint8Array(handle), secrets }), offer), [
    "05",
    handle.toHex(),
    masks.slice(0, REJOIN_CODE_LENGTH).fill(1).toHex(),
    masks.fill(2).toHex(),
    masks.fill(3).toHex(),
  ]);
  const counted = received.toString(16).padStart(16, "0"), request = fieldsOf("REJOIN");
  assertEquals([...request.keys()], ["type", "handle", "attempt", "received", "code"]);
  assertEquals(partsOf(encodeRejoin(REQUEST), request), ["03", handle.toHex(), `0${attempt}`, counted, code.toHex()]);
  const answer = fieldsOf("REJOINED");
  assertEquals([...answer.keys()], ["type", "received", "code"]);
  assertEquals(partsOf(encodeRejoined(received, code), answer), ["03", counted, code.toHex()]);
});

Deno.test("PROTOCOL.md names every group of the test vectors", () => {
  const groups = Object.keys(JSON.parse(read("docs/vectors.json"))).filter((name) => name !== "about");
  const named = documented("## 12. Test vectors", "group", "what to check").map(([name]) => name!.replaceAll("`", ""));
  assertEquals(named.toSorted(), groups.toSorted());
});

/** The length of all fields of a layout. */
function sum(fields: ReadonlyMap<string, { length: string }>): number {
  return [...fields.values()].reduce((length, field) => length + Number(field.length), 0);
}
