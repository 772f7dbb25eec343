/** docs/vectors.json, which scripts/vectors computes from docs/PROTOCOL.md alone, against the code of src/wire. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromShortHex } from "../../scripts/vectors/vector.ts";
import { vectors } from "../../scripts/vectors.ts";
import { RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { xor } from "../../src/sharing/xor.ts";
import { decodeAssociate, decodeAssociateReply, encodeAssociate, encodeRefused } from "../../src/wire/associate.ts";
import { concat } from "../../src/wire/concat.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { type Frame, frameName, FrameType } from "../../src/wire/frame.ts";
import { FrameDecoder } from "../../src/wire/frame_decoder.ts";
import { decodeGreeting, encodeGreeting } from "../../src/wire/greeting.ts";
import { decodeOpen, encodeOpen, type Open } from "../../src/wire/open.ts";
import { decode } from "../support/wire/decode.ts";
import { encoded } from "../support/wire/frames.ts";

type Vector = Record<string, unknown> & { name: string; description: string };

const committed = await Deno.readTextFile(new URL("../../docs/vectors.json", import.meta.url));
const { about: _, ...groups }: Record<string, Vector[]> = JSON.parse(committed);

function group(name: string): Vector[] {
  const vectors = groups[name]!;
  assert(vectors.length > 0);
  return vectors;
}

/** A value in hexadecimal as bytes. */
function bytes(value: unknown): Uint8Array<ArrayBuffer> {
  assert(typeof value === "string");
  return Uint8Array.fromHex(value);
}

function list(value: unknown): Uint8Array[] {
  assert(Array.isArray(value));
  return value.map(bytes);
}

Deno.test("docs/vectors.json is the output of scripts/vectors.ts", () => {
  assertEquals(vectors(), committed);
});

Deno.test("every vector has a name unique in its group, and a one-line description", () => {
  for (const [name, vectors] of Object.entries(groups)) {
    assertEquals(new Set(vectors.map((vector) => vector.name)).size, vectors.length, name);
    for (const { description } of vectors) assert(/^[^\n]{5,}$/.test(description), description);
  }
});

Deno.test("the vectors of the handshake are encoded and decoded", () => {
  for (const { cookie, bytes: message } of group("greeting")) {
    assertEquals(encodeGreeting(bytes(cookie)), bytes(message));
    assertEquals(decode(decodeGreeting(), bytes(message)).value, bytes(cookie));
  }
  for (const { scheme, threshold, cookies, bytes: message } of group("associate")) {
    const decoded = decode(decodeAssociate(), bytes(message)).value;
    assertEquals([decoded.scheme, decoded.threshold, decoded.cookies], [scheme, threshold, list(cookies)]);
    assertEquals(encodeAssociate(decoded), bytes(message));
  }
  for (const { reason, bytes: message } of group("refused")) {
    assertEquals<unknown>(decode(decodeAssociateReply(2), bytes(message)).value, { kind: "refused", reason });
    assertEquals(encodeRefused(Number(reason)), bytes(message));
  }
});

Deno.test("the vectors of OPEN are encoded and decoded, of all kinds and sources", () => {
  const kinds = new Set<string>();
  for (const { name, port, host, address, flow, sourceAddress, sourcePort, body } of group("open")) {
    const destination = typeof host === "string"
      ? { kind: "name", port, host }
      : flow !== undefined
      ? { kind: "datagrams", port, flow }
      : address === undefined
      ? { kind: "port", port }
      : { kind: "address", port, address: bytes(address) };
    const source = sourceAddress === undefined ? {} : { source: { address: bytes(sourceAddress), port: sourcePort } };
    const open = { destination, ...source } as Open;
    assertEquals(encodeOpen(open), bytes(body), name);
    assertEquals(decodeOpen(bytes(body)), open, name);
    kinds.add(`${bytes(body)[0]} ${bytes(sourceAddress ?? "").length}`);
  }
  assertEquals(kinds.size, 5 * 3);
});

Deno.test("the vectors of frames are decoded, and encoded unless their text is not UTF-8", () => {
  const types = new Set<FrameType>();
  for (const { name, description: _, body, bytes: whole, ...values } of group("frame")) {
    const [frame, ...others] = framesOf(bytes(whole));
    assertEquals(others, []);
    const { type, stream, ...rest } = values as { type: FrameType; stream: number };
    assertEquals<unknown>(plain(frame!), {
      ...stream > 0 ? values : type >= FrameType.Hello ? { type, ...rest } : { type },
      ...type === FrameType.Open && { open: plain(decodeOpen(bytes(body))) },
      ...type === FrameType.Data && { bytes: body },
      ...(type === FrameType.Ping || type === FrameType.Pong) && { payload: body },
      ...type === FrameType.Bye && { last: values["last"] },
      ...type === FrameType.Streams && { limit: values["limit"] },
      ...type === FrameType.Workers && { workers: { count: values["count"], id: values["id"] } },
    }, name);
    if (!String(values["text"]).includes("\ufffd")) assertEquals(encoded(frame!), bytes(whole), name);
    types.add(type);
  }
  assertEquals(types.size, 21);
});

Deno.test("the records of the directions are the frames that they say", () => {
  for (const { name, records } of group("direction")) {
    for (const { frames, bytes: record } of records as { frames: Vector[]; bytes: string }[]) {
      const decoded = framesOf(fromShortHex(record).subarray(RECORD_HEAD_LENGTH));
      const stated = frames.map(({ type, stream, body }) => ({ type, stream, length: fromShortHex(`${body}`).length }));
      const found = decoded.map((frame) => {
        const stream = "stream" in frame ? frame.stream : 0;
        return { type: frameName(frame.type), stream, length: encoded(frame).length - 7 };
      });
      assertEquals<unknown>(found, stated, name);
      assertEquals(concat(decoded.map(encoded)), fromShortHex(record).subarray(RECORD_HEAD_LENGTH), name);
    }
  }
});

Deno.test("the directions with a wrong layout are refused in their last record, and no other", () => {
  for (const { name, by, taken, bytes: all } of group("invalidDirection")) {
    if (by === "record") continue;
    const bodies: Uint8Array[] = [];
    for (let rest = fromShortHex(`${all}`).subarray(48); rest.length > 0;) {
      const [high = 0, middle = 0, low = 0] = rest, length = high << 16 | middle << 8 | low;
      bodies.push(rest.subarray(RECORD_HEAD_LENGTH, RECORD_HEAD_LENGTH + length));
      rest = rest.subarray(RECORD_HEAD_LENGTH + length);
    }
    bodies.slice(0, Number(taken)).forEach(framesOf);
    if (by === "layout") assertThrows(() => framesOf(bodies[Number(taken)]!), WireError, undefined, name);
  }
});

Deno.test("the vectors of shares XOR to the message, all but the last being the pads", () => {
  for (const { name, message, pads, shares } of group("shares")) {
    const split = list(shares);
    assertEquals(split.slice(0, -1), list(pads), name);
    const sum = split.reduce((sum, share) => sum ^ BigInt(`0x${share.toHex()}`), 0n);
    assertEquals(sum, BigInt(`0x${message}`), name);
    xor.join(split);
    assertEquals(split[0]!.toHex(), message, name);
  }
  assertEquals(new Set(group("shares").map(({ shares }) => list(shares).length)), new Set([2, 3, 5, 16]));
});

Deno.test("the invalid vectors are refused by the decoder of their kind", () => {
  const refuse: Record<string, (message: Uint8Array) => unknown> = {
    greeting: (message) => decode(decodeGreeting(), message),
    associate: (message) => decode(decodeAssociate(), message),
    reply: (message) => decode(decodeAssociateReply(2), message),
    open: decodeOpen,
  };
  for (const { name, of, bytes: message } of group("invalid")) {
    assertThrows(() => refuse[of as string]!(bytes(message)), WireError, undefined, name);
  }
  assertEquals(new Set(group("invalid").map(({ of }) => of)), new Set(Object.keys(refuse)));
});

/** The frames of a record's body. */
function framesOf(body: Uint8Array): Frame[] {
  const decoder = new FrameDecoder(body), frames: Frame[] = [];
  for (let frame = decoder.next(); frame !== null; frame = decoder.next()) frames.push(frame);
  return frames;
}

/** A value with bytes in hexadecimal, as in the vectors. */
function plain(value: object): object {
  return JSON.parse(JSON.stringify(value, (_, part) => part instanceof Uint8Array ? part.toHex() : part));
}
