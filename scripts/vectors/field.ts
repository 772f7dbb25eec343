import { ELEMENT_LENGTH, evaluate } from "../../src/wire/field.ts";
import { type ControlType, FrameType, ResetCode } from "../../src/wire/frame.ts";
import { KEY_LENGTH, Seal } from "../../src/wire/seal.ts";
import { concat, counted, counting, type Vector } from "./vector.ts";

/** Multiplications and evaluations in the field (docs/PROTOCOL.md 4.4). */
export function fields(): Vector[] {
  const a = counted(ELEMENT_LENGTH, 1), b = counted(ELEMENT_LENGTH, 240), ones = reversed("f".repeat(32));
  const h = reversed("66e94bd4ef8a2c3b884cfa59ca342b2e"), c = reversed("0388dace60b6a392f328c2b971b2fe78");
  const lengths = reversed("00000000000000000000000000000080");
  return [
    field("one", "a times 1 is a", power(0), a),
    field("zero", "a times 0 is 0", new Uint8Array(ELEMENT_LENGTH), a),
    field("no reduction", "x^64 times x^63 is x^127", power(63), power(64)),
    field("reduction", "x times x^127 is x^7 + x^2 + x + 1", power(127), power(1)),
    field("greatest", "All bits times all bits", ones, ones),
    field("product", "A product of two elements", b, a),
    field("product, swapped", "The same product", a, b),
    field("evaluation", "m1 k + m2 k^2 + m3 k^3", b, a, counted(ELEMENT_LENGTH, 64), counted(ELEMENT_LENGTH, 128)),
    field(
      "GHASH",
      "GHASH of the second test case of GCM's specification, the bits of elements reversed",
      h,
      lengths,
      c,
    ),
  ];
}

/** Tags of a direction's first control frame (docs/PROTOCOL.md 4.4). */
export function tags(): Vector[] {
  const { End, Open, Reset, Result } = FrameType;
  return [
    tag("no body", "Two blocks: the first one and the next mask", End, new Uint8Array(0), 0),
    tag("a byte", "A body that 15 bytes of zero follow", Reset, Uint8Array.of(ResetCode.Application), 0),
    tag("a block", "A body of exactly a block", Result, counted(16), 0),
    tag("a block and a byte", "A body of two blocks, the second padded", Result, counted(17), 0),
    tag("much DATA", "After 2^40 + 1 bytes of DATA", End, new Uint8Array(0), 2 ** 40 + 1),
    tag("longest", "A body of 276 bytes, the most there are, here without a meaning", Open, counted(276), 1),
  ];
}

/** What a control frame's tag is made of, and the tag. */
export interface Sealed {
  /** The key, k. */
  readonly key: string;
  /** The mask in force. */
  readonly mask: string;
  /** The frame's type. */
  readonly type: ControlType;
  /** The frame's body. */
  readonly body: string;
  /** How many control frames went before it in its direction. */
  readonly controlFrames: number;
  /** How many bytes of DATA went before it in its direction. */
  readonly dataBytes: number;
  /** The mask that it carries for the next control frame. */
  readonly nextMask: string;
  /** m1 ... md. */
  readonly blocks: string[];
  /** mask + m1 k + ... + md k^d. */
  readonly tag: string;
}

/** Takes a control frame's payload apart. */
export function sealed(
  payload: Uint8Array,
  before: { key: Uint8Array; mask: Uint8Array; type: ControlType; controlFrames: number; dataBytes: number },
): Sealed {
  const body = payload.slice(0, -2 * ELEMENT_LENGTH), nextMask = payload.slice(body.length, -ELEMENT_LENGTH);
  const first = new DataView(new ArrayBuffer(ELEMENT_LENGTH));
  first.setUint32(0, before.type * 2 ** 24 + payload.length);
  first.setUint32(4, before.controlFrames);
  first.setBigUint64(8, BigInt(before.dataBytes));
  const padding = new Uint8Array((ELEMENT_LENGTH - body.length % ELEMENT_LENGTH) % ELEMENT_LENGTH);
  const message = concat(new Uint8Array(first.buffer), body, padding, nextMask);
  return {
    key: before.key.toHex(),
    mask: before.mask.toHex(),
    type: before.type,
    body: body.toHex(),
    controlFrames: before.controlFrames,
    dataBytes: before.dataBytes,
    nextMask: nextMask.toHex(),
    blocks: message.toHex().match(/.{32}/g)!,
    tag: payload.slice(-ELEMENT_LENGTH).toHex(),
  };
}

function tag(name: string, description: string, type: ControlType, body: Uint8Array, dataBytes: number): Vector {
  const keyAndMask = counted(KEY_LENGTH), seal = new Seal(keyAndMask);
  seal.countData(dataBytes);
  const payload = seal.seal(type, body, counting(KEY_LENGTH));
  const key = keyAndMask.slice(0, ELEMENT_LENGTH), mask = keyAndMask.slice(ELEMENT_LENGTH);
  return { name, description, ...sealed(payload, { key, mask, type, controlFrames: 0, dataBytes }) };
}

function field(name: string, description: string, key: Uint8Array, ...blocks: Uint8Array[]): Vector {
  const value = evaluate(concat(...blocks), key).toHex();
  return { name, description, key: key.toHex(), blocks: blocks.map((block) => block.toHex()), value };
}

/** x^exponent. */
function power(exponent: number): Uint8Array {
  return Uint8Array.fromHex((1n << BigInt(exponent)).toString(16).padStart(32, "0"));
}

/** An element as GCM writes it, in this protocol's order of bits. */
function reversed(hex: string): Uint8Array {
  const bits = BigInt(`0x${hex}`).toString(2).padStart(128, "0");
  return Uint8Array.fromHex(BigInt(`0b${[...bits].reverse().join("")}`).toString(16).padStart(32, "0"));
}
