import { K, KEY, record, RHO } from "./direction.ts";
import {
  blocked,
  bye,
  credit,
  data,
  end,
  type Frame,
  open,
  ping,
  rawFrame,
  reset,
  result,
  streams,
  TYPES,
  workers,
} from "./frames.ts";
import { recordSlowly } from "./sealing.ts";
import { counted, flipped, join, shortHex, uint, utf8, type Vector } from "./vector.ts";

const KEY_LENGTH = 48, HASH_AT = 3, TAG_AT = 19, HEAD_LENGTH = 35;

/**
 * Directions that must be refused (docs/PROTOCOL.md 5.4), by which layer, after how many bytes at the latest, and how many
 * records are taken before.
 */
export function invalidDirections(): Vector[] {
  return [...wrongRecords(), ...wrongLayouts(), ...wrongOrders()];
}

/** Refused by KEY's tag, a head, or a hash. */
function wrongRecords(): Vector[] {
  const first = record(1, open(1)), second = record(2, open(2)), third = record(3, data(2, counted(20)));
  const vector = (
    name: string,
    description: string,
    taken: number,
    refusedAt: number,
    ...parts: Uint8Array[]
  ): Vector => {
    const bytes = join(...parts).toHex();
    return { name, description, by: "record", from: "client", taken, refusedAt, bytes };
  };
  /** A record whose length is another; the rest stays. */
  const resized = (record: Uint8Array, length: number): Uint8Array => join(uint(length, 3), record.slice(HASH_AT));
  const afterKey = KEY_LENGTH + HEAD_LENGTH, whole = KEY_LENGTH + first.length;
  const bothTags = flipped(flipped(first, HASH_AT), TAG_AT);
  return [
    vector("no KEY", "A record first", 0, KEY_LENGTH, first, second),
    vector("KEY twice", "A second KEY in the place of a head", 0, afterKey, KEY, KEY),
    vector("another k", "A bit of k is flipped", 0, KEY_LENGTH, flipped(KEY, 0), first),
    vector("another rho", "A bit of rho is flipped", 0, KEY_LENGTH, flipped(KEY, 16), first),
    vector("another tag of KEY", "A bit of KEY's tag is flipped", 0, KEY_LENGTH, flipped(KEY, 32), first),
    vector("k and rho", "The same bit of both is flipped", 0, KEY_LENGTH, flipped(flipped(KEY, 0), 16), first),
    vector("no body", "Length 0, refused at the head", 0, afterKey, KEY, resized(first, 0)),
    vector("sealed without a body", "Length 0 with the tag for it", 0, afterKey, KEY, record(1), second),
    vector("too long", "Length 65,537 with the tag for it, refused at the head", 0, afterKey, KEY, longHead()),
    vector("longer", "A byte more than sent, refused at the head", 0, afterKey, KEY, resized(first, 12), second),
    vector("shorter", "A byte less than sent, refused at the head", 0, afterKey, KEY, resized(first, 10), second),
    vector("another hash", "A bit of the hash is flipped", 0, afterKey, KEY, flipped(first, HASH_AT), second),
    vector("another tag", "A bit of the tag is flipped", 0, afterKey, KEY, flipped(first, TAG_AT), second),
    vector("hash and tag", "The same bit of both", 0, afterKey, KEY, bothTags, second),
    vector("another body", "A bit of the body is flipped", 0, whole, KEY, flipped(first, HEAD_LENGTH), second),
    vector(
      "second body",
      "The first record is taken",
      1,
      whole + second.length,
      KEY,
      first,
      flipped(second, HEAD_LENGTH),
    ),
    vector("left out", "Record 1 is missing", 0, afterKey, KEY, second),
    vector("repeated", "Record 1 comes twice", 1, whole + HEAD_LENGTH, KEY, first, first),
    vector("exchanged", "Records of one length in the wrong order", 0, afterKey, KEY, second, first),
    vector(
      "moved body",
      "Record 1 with the body of record 2",
      0,
      whole,
      KEY,
      first.slice(0, HEAD_LENGTH),
      second.slice(HEAD_LENGTH),
    ),
    vector(
      "moved hash",
      "Record 2 with the hash of record 1",
      1,
      whole + HEAD_LENGTH,
      KEY,
      first,
      movedHash(first, second),
    ),
    vector("third left out", "Record 2 is missing", 1, whole + HEAD_LENGTH, KEY, first, third),
  ];
}

function movedHash(from: Uint8Array, to: Uint8Array): Uint8Array {
  return join(from.subarray(0, TAG_AT), to.subarray(TAG_AT));
}

/** The head of a record that is too long. */
function longHead(): Uint8Array {
  return recordSlowly(K, RHO, 1, new Uint8Array(65_537)).subarray(0, HEAD_LENGTH);
}

/** Bytes in a record's body, instead of a frame. */
function raw(bytes: Uint8Array): Frame {
  return { type: "DATA", stream: 0, body: bytes, bytes: join(bytes) };
}

/** A frame with any type, stream, and body. */
function any(type: number, stream: number, body: Uint8Array = new Uint8Array(0), length = body.length): Frame {
  return raw(rawFrame(type, stream, length, body));
}

/**
 * A direction whose last record must be refused, behind a correct one.
 *
 * @param before The frames of the first record; none: there is none.
 * @param wrong The frames of the last record.
 */
function refused(
  by: "layout" | "order",
  from: "client" | "server",
  [name, description]: [name: string, description: string],
  before: Frame[],
  ...wrong: Frame[]
): Vector {
  const records = [...before.length > 0 ? [before] : [], wrong];
  const sealed = join(KEY, ...records.map((frames, index) => record(index + 1, ...frames)));
  // One more record: nothing behind the refused one may have an effect.
  const bytes = join(sealed, record(records.length + 1, ping("PING", utf8("behind"))));
  return {
    name: `${from}: ${name}`,
    description,
    by,
    from,
    ...(from === "server" && { opened: 2 }),
    taken: records.length - 1,
    refusedAt: sealed.length,
    bytes: shortHex(bytes),
  };
}

/** Refused whatever was sent before, but for WORKERS (docs/PROTOCOL.md 5.1 to 5.3). */
function wrongLayouts(): Vector[] {
  const client = (name: string, description: string, ...wrong: Frame[]) =>
    refused("layout", "client", [name, description], [open(1)], ...wrong);
  const server = (name: string, description: string, ...wrong: Frame[]) =>
    refused("layout", "server", [name, description], [result(1, 0)], ...wrong);
  const { OPEN, RESULT, DATA, END, RESET, PING, PONG, BYE, CREDIT, STREAMS, BLOCKED, WORKERS } = TYPES;
  const u32 = (value: number) => uint(value, 4), port = Uint8Array.of(1, 0, 80, 0);
  return [
    client("a byte", "A body of one byte", raw(Uint8Array.of(DATA))),
    client("cut head", "A body of six bytes", raw(end(1).bytes.subarray(0, 6))),
    client("cut frame", "A frame a byte shorter than it says", any(DATA, 1, counted(4), 5)),
    client(
      "cut second frame",
      "A whole frame, and half of one",
      ping("PING", counted(4)),
      any(DATA, 1, counted(4), 65_535),
    ),
    client("left over", "A byte behind a frame", end(1), raw(Uint8Array.of(0))),
    client("type 0", "An unknown type", any(0, 1)),
    client("type 13", "An unknown type", any(13, 1)),
    client("type 255, stream 0", "An unknown type", any(255, 0, counted(5))),
    server("type 13", "An unknown type", any(13, 0)),
    client("short OPEN", "A body of 3 bytes", any(OPEN, 2, port.subarray(0, 3))),
    client("long OPEN", "A body of 277 bytes", any(OPEN, 2, join(port, new Uint8Array(273)))),
    client("malformed OPEN", "Kind 5", any(OPEN, 2, Uint8Array.of(5, 0, 80, 0))),
    client("OPEN on stream 0", "A stream is due", any(OPEN, 0, port)),
    server("empty RESULT", "No code", any(RESULT, 2)),
    server("long RESULT", "A text of 201 bytes", any(RESULT, 2, new Uint8Array(202))),
    server("RESULT 6", "An unknown code", result(2, 6)),
    server("RESULT on stream 0", "A stream is due", any(RESULT, 0, uint(0, 1))),
    client("empty DATA", "A body of no bytes", any(DATA, 1)),
    client("DATA on stream 0", "A stream is due", any(DATA, 0, counted(1))),
    server("empty DATA", "A body of no bytes", any(DATA, 1)),
    client("long END", "A body of one byte", any(END, 1, counted(1))),
    client("END on stream 0", "A stream is due", any(END, 0)),
    client("empty RESET", "No code", any(RESET, 1)),
    client("long RESET", "A body of two bytes", any(RESET, 1, Uint8Array.of(1, 1))),
    client("RESET 0", "An unknown code", reset(1, 0)),
    server("RESET 5", "An unknown code", reset(1, 5)),
    client("RESET on stream 0", "A stream is due", any(RESET, 0, uint(1, 1))),
    client("long PING", "A body of 9 bytes", any(PING, 0, counted(9))),
    client("PING on a stream", "Stream 0 is due", any(PING, 1, counted(1))),
    server("long PONG", "A body of 9 bytes", any(PONG, 0, counted(9))),
    server("PONG on a stream", "Stream 0 is due", any(PONG, 1)),
    server("short BYE", "A body of 3 bytes", any(BYE, 0, counted(3))),
    server("long BYE", "A body of 5 bytes", any(BYE, 0, counted(5))),
    server("BYE on a stream", "Stream 0 is due", any(BYE, 1, u32(1))),
    client("short CREDIT", "A body of 3 bytes", any(CREDIT, 1, counted(3))),
    client("CREDIT of 0", "An increment of at least 1 is due", credit(1, 0)),
    client("CREDIT on stream 0", "A stream is due", any(CREDIT, 0, u32(1))),
    server("short STREAMS", "A body of 3 bytes", any(STREAMS, 0, counted(3))),
    server("STREAMS on a stream", "Stream 0 is due", any(STREAMS, 1, u32(256))),
    client("long BLOCKED", "A body of one byte", any(BLOCKED, 1, counted(1))),
    client("BLOCKED on stream 0", "A stream is due", any(BLOCKED, 0)),
    refused(
      "layout",
      "client",
      ["short WORKERS", "A body of 16 bytes"],
      [],
      any(WORKERS, 0, workers(2).body.subarray(1)),
    ),
    refused("layout", "client", ["WORKERS on a stream", "Stream 0 is due"], [], any(WORKERS, 1, workers(2).body)),
    refused("layout", "server", ["one worker", "WORKERS with a count of 1"], [], workers(1)),
    refused("layout", "server", ["65 workers", "WORKERS with a count of 65"], [], workers(65)),
  ];
}

/** Refused because of what was sent before (docs/PROTOCOL.md 5.5, 6). */
function wrongOrders(): Vector[] {
  const client = (name: string, description: string, before: Frame[], ...wrong: Frame[]) =>
    refused("order", "client", [name, description], before, ...wrong);
  const server = (name: string, description: string, before: Frame[], ...wrong: Frame[]) =>
    refused("order", "server", [name, description], before, ...wrong);
  const most = data(1, new Uint8Array(65_529)), all = Array.from({ length: 128 }, (_, index) => open(index + 1));
  return [
    client("WORKERS in the second record", "It is a direction's first frame", [open(1)], workers(2)),
    client("WORKERS behind PING", "It is a direction's first frame", [], ping("PING", counted(1)), workers(2), open(1)),
    client("WORKERS twice", "It is a direction's first frame", [], workers(2), workers(2), open(1)),
    client("RESULT", "Only a server sends it", [open(1)], result(1, 0)),
    client("BYE", "Only a server sends it", [open(1)], bye(1)),
    client("STREAMS", "Only a server sends it", [open(1)], streams(256)),
    server("OPEN", "Only a client sends it", [result(1, 0)], open(3)),
    client("OPEN 2 first", "Numbers begin with 1", [], open(2)),
    client("OPEN repeated", "Number 1 twice", [open(1)], open(1)),
    client("OPEN repeated, over", "Number 1 again when the stream is over", [open(1), reset(1, 1)], open(1)),
    client("OPEN left out", "Number 3 behind number 1", [open(1)], open(3)),
    client("OPEN above the limit", "Number 129 before any STREAMS", all, open(129)),
    client("DATA unopened", "DATA of a stream that was never opened", [open(1)], data(2, counted(1))),
    client("END unopened", "END of a stream that was never opened", [open(1)], end(2)),
    client("RESET unopened", "RESET of a stream that was never opened", [open(1)], reset(2, 1)),
    client("CREDIT unopened", "CREDIT of a stream that was never opened", [open(1)], credit(2, 1)),
    client("BLOCKED unopened", "BLOCKED of a stream that was never opened", [open(1)], blocked(2)),
    client("DATA behind END", "Nothing was to follow", [open(1), end(1)], data(1, counted(1))),
    client("END behind END", "A second END", [open(1), end(1)], end(1)),
    client("beyond the credit", "A byte more than 65,536", [open(1), data(1, counted(8))], most),
    client("credit above 2^31-1", "By one", [open(1)], credit(1, 2_147_483_647 - 65_535)),
    client("CREDIT, most", "An increment that no credit can take", [open(1)], credit(1, 4_294_967_295)),
    server("DATA before RESULT", "RESULT is due", [result(1, 0)], data(2, counted(1))),
    server("END before RESULT", "RESULT is due", [result(1, 0)], end(2)),
    server("CREDIT before RESULT", "RESULT is due", [result(1, 0)], credit(2, 1)),
    server("BLOCKED before RESULT", "RESULT is due", [result(1, 0)], blocked(2)),
    server("RESET before RESULT", "RESULT is due", [result(1, 0)], reset(2, 2)),
    server("RESULT twice", "On a stream that is open", [result(1, 0)], result(1, 0)),
    server("RESULT behind DATA", "A second one", [result(1, 0), data(1, counted(1))], result(1, 1)),
    server("RESULT unopened", "For a stream that the client has not opened", [result(1, 0)], result(3, 0)),
    server("DATA unopened", "On a stream that the client has not opened", [result(1, 0)], data(3, counted(1))),
    server("DATA behind END", "Nothing was to follow", [result(1, 0), end(1)], data(1, counted(1))),
    server("END behind END", "A second END", [result(1, 0), end(1)], end(1)),
    server("beyond the credit", "A byte more than 65,536", [result(1, 0), data(1, counted(8))], most),
    server("credit above 2^31-1", "By one", [result(1, 0)], credit(1, 2_147_483_647 - 65_535)),
    server("BYE twice", "It comes once", [result(1, 0), result(2, 0), bye(2)], bye(2)),
    server("BYE below RESULT", "Stream 2 was answered", [result(2, 0)], bye(1)),
    server("STREAMS that falls", "From 200 to 199", [result(1, 0), streams(200)], streams(199)),
    server("STREAMS below 128", "The limit before the first is 128", [result(1, 0)], streams(127)),
    server("WORKERS behind RESULT", "It is a direction's first frame", [result(1, 0)], workers(2)),
  ];
}
