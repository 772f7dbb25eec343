/**
 * Checks docs/vectors.json against the code that makes it, and independently against docs/PROTOCOL.md, with big integers
 * and plain hexadecimal text.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { vectors } from "../../scripts/vectors.ts";
import { xor } from "../../src/sharing/xor.ts";
import { decodeAssociate, decodeAssociateReply } from "../../src/wire/associate.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { frameName, FrameType } from "../../src/wire/frame.ts";
import { decodeGreeting } from "../../src/wire/greeting.ts";
import { decodeOpen } from "../../src/wire/open.ts";
import { decode } from "../support/wire/decode.ts";
import { receive } from "../support/wire/frames.ts";
import { concat } from "../../src/wire/concat.ts";
import { blocksOf, evaluateSlowly, headOf, tagOf } from "../support/wire/reference.ts";

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

/** An integer as hexadecimal text of a number of bytes. */
function hex(value: unknown, length: number): string {
  assert(typeof value === "number");
  return value.toString(16).padStart(2 * length, "0");
}

Deno.test("docs/vectors.json equals the output of scripts/vectors.ts, or the protocol has changed", () => {
  assertEquals(vectors(), committed);
});

Deno.test("every vector has a name unique in its group, and a one-line description", () => {
  for (const [name, vectors] of Object.entries(groups)) {
    assertEquals(new Set(vectors.map((vector) => vector.name)).size, vectors.length, name);
    for (const { description } of vectors) assert(/^[^\n]{5,}$/.test(description), description);
  }
});

Deno.test("the vectors of the field agree with arithmetic on big integers", () => {
  for (const { name, key, blocks, value } of group("field")) {
    assertEquals(evaluateSlowly(list(blocks), bytes(key)).toHex(), value, name);
  }
});

Deno.test("the vectors of the field contain results from GCM's specification", () => {
  const { key, value } = group("field").find(({ name }) => name === "GHASH")!;
  const reversed = (hex: unknown): string => {
    const bits = [...bytes(hex)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    return BigInt(`0b${[...bits].reverse().join("")}`).toString(16).padStart(32, "0");
  };
  assertEquals(reversed(key), "66e94bd4ef8a2c3b884cfa59ca342b2e");
  assertEquals(reversed(value), "f38cbb1ad69223dcc3457ae5b6b0f885");
});

Deno.test("the vectors of tags agree with arithmetic on big integers", () => {
  const sealed = [...group("tag"), ...group("direction").filter(({ type }) => type !== FrameType.Key)];
  for (const { name, key, mask, type, length, number, nextMask, covered, blocks, tag, head, frame } of sealed) {
    assert(typeof type === "number" && typeof length === "number" && typeof number === "number");
    const tagged = { key: bytes(key), mask: bytes(mask), nextMask: bytes(nextMask), covered: bytes(covered) };
    const all = { ...tagged, type, length, number };
    assertEquals(blocksOf(all).map((block) => block.toHex()), blocks, name);
    assertEquals(tagOf(all).toHex(), tag, name);
    assertEquals(headOf(all), bytes(head ?? frame).slice(0, 36), name);
  }
});

Deno.test("the vectors of a direction chain their masks, count the frames before, and decode", () => {
  let key: unknown, mask: unknown;
  const direction = group("direction");
  direction.forEach((vector, index) => {
    const { name, type } = vector;
    if (index === 0) {
      assertEquals([type, vector.frame], [FrameType.Key, `00000000${vector.key}${vector.mask}`]);
      [key, mask] = [vector.key, vector.mask];
      return;
    }
    const { body, nextMask, tag } = vector;
    assert(typeof body === "string");
    assertEquals(vector.frame, hex(type, 1) + hex(body.length / 2, 3) + nextMask + tag + body, name);
    assertEquals([vector.key, vector.mask, vector.number], [key, mask, index], name);
    assertEquals(vector.covered, type === FrameType.Data ? "" : body, name);
    mask = nextMask;
  });
  const { frames, error, atBoundary } = receive(direction.map(({ frame }) => bytes(frame)));
  assertEquals(error, undefined);
  assert(atBoundary);
  const named = direction.map(({ name }) => name.split(" ")[0]);
  assertEquals(frames.map(({ type }) => frameName(type)), named);
  assertEquals(new Set(named).size, 10);
});

Deno.test("the vectors of the handshake are their values in the protocol's order, and decode", () => {
  for (const { cookie, bytes: message } of group("greeting")) {
    assertEquals(message, `4d4943535301${cookie}`);
    assertEquals(decode(decodeGreeting(), bytes(message)).value, bytes(cookie));
  }
  for (const { scheme, threshold, cookies, bytes: message } of group("associate")) {
    assert(Array.isArray(cookies));
    assertEquals(message, `01${hex(scheme, 1)}${hex(threshold, 1)}${hex(cookies.length, 1)}${cookies.join("")}`);
    assertEquals(decode(decodeAssociate(), bytes(message)).value.cookies, list(cookies));
  }
  for (const { reason, bytes: message } of group("refused")) {
    assertEquals(message, `ff${hex(reason, 1)}`);
    assertEquals<unknown>(decode(decodeAssociateReply(2), bytes(message)).value, { kind: "refused", reason });
  }
});

Deno.test("the vectors of OPEN are their values in the protocol's order, of all kinds and sources", () => {
  const kinds = new Set<string>();
  for (const { name, port, host, address, sourceAddress, sourcePort, body } of group("open")) {
    const addressed = (address: unknown): string => bytes(address).length === 4 ? "03" : "04";
    const [kind, rest] = typeof host === "string"
      ? ["02", hex(host.length, 1) + new TextEncoder().encode(host).toHex()]
      : address === undefined
      ? ["01", ""]
      : [addressed(address), address];
    const [sourceKind, source] = sourceAddress === undefined
      ? ["00", ""]
      : [addressed(sourceAddress), sourceAddress + hex(sourcePort, 2)];
    assertEquals(body, kind + hex(port, 2) + rest + sourceKind + source, name);
    assertEquals(decodeOpen(bytes(body)).destination.port, port);
    kinds.add(kind + sourceKind);
  }
  assertEquals(kinds.size, 4 * 3);
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
    direction: (message) => {
      const { error } = receive([concat([message])]);
      if (error !== undefined) throw error;
    },
  };
  for (const { name, of, bytes: message } of group("invalid")) {
    assertThrows(() => refuse[of as string]!(bytes(message)), WireError, undefined, name);
  }
  assertEquals(new Set(group("invalid").map(({ of }) => of)), new Set(Object.keys(refuse)));
});
