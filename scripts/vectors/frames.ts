import { openBody } from "./open.ts";
import { counted, join, uint, utf8, type Vector } from "./vector.ts";

/** The numbers of frame types (docs/PROTOCOL.md 5.1). */
export const TYPES = {
  OPEN: 1,
  RESULT: 2,
  DATA: 3,
  END: 4,
  RESET: 5,
  PING: 6,
  PONG: 7,
  BYE: 8,
  WORKERS: 9,
  CREDIT: 10,
  STREAMS: 11,
  BLOCKED: 12,
  HELLO: 13,
  AUTH: 14,
  ENROLL: 15,
  ENROLLED: 16,
  DENIED: 17,
  PAD: 18,
  ACK: 19,
  OFFER: 20,
  DATAGRAMS: 21,
} as const;

/** The name of a frame's type. */
export type TypeName = keyof typeof TYPES;

/** A frame, and its type's name. */
export interface Frame {
  /** The name of its type. */
  readonly type: TypeName;
  /** The number of its stream, or 0. */
  readonly stream: number;
  /** Its body. */
  readonly body: Uint8Array;
  /** Its encoding. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const NOTHING = new Uint8Array(0);

/** A frame with any type, stream and length, whether valid or not. */
export function rawFrame(type: number, stream: number, length: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return join(uint(type, 1), uint(stream, 4), uint(length, 2), body);
}

function frame(type: TypeName, stream: number, body: Uint8Array = NOTHING): Frame {
  return { type, stream, body, bytes: rawFrame(TYPES[type], stream, body.length, body) };
}

/** OPEN for a port of the server. */
export function open(stream: number, port = 80): Frame {
  return frame("OPEN", stream, openBody({ port }));
}

/** RESULT. */
export function result(stream: number, code: number, text: Uint8Array = NOTHING): Frame {
  return frame("RESULT", stream, join(uint(code, 1), text));
}

/** DATA. */
export function data(stream: number, body: Uint8Array): Frame {
  return frame("DATA", stream, body);
}

/** END. */
export function end(stream: number): Frame {
  return frame("END", stream);
}

/** RESET. */
export function reset(stream: number, code: number): Frame {
  return frame("RESET", stream, uint(code, 1));
}

/** PING or PONG. */
export function ping(type: "PING" | "PONG", payload: Uint8Array): Frame {
  return frame(type, 0, payload);
}

/** BYE. */
export function bye(last: number): Frame {
  return frame("BYE", 0, uint(last, 4));
}

/** WORKERS. */
export function workers(count: number): Frame {
  return frame("WORKERS", 0, join(uint(count, 1), counted(16, 160)));
}

/** CREDIT. */
export function credit(stream: number, increment: number): Frame {
  return frame("CREDIT", stream, uint(increment, 4));
}

/** STREAMS. */
export function streams(limit: number): Frame {
  return frame("STREAMS", 0, uint(limit, 4));
}

/** BLOCKED. */
export function blocked(stream: number): Frame {
  return frame("BLOCKED", stream);
}

/** HELLO, with counted bytes. */
export function hello(): Frame {
  return frame("HELLO", 0, join(counted(8, 1), counted(32, 16)));
}

/** AUTH, with counted bytes. */
export function auth(): Frame {
  return frame("AUTH", 0, join(counted(32, 1), counted(64, 64)));
}

/** ENROLL, with counted bytes. */
export function enroll(): Frame {
  return frame("ENROLL", 0, join(counted(32, 1), counted(32, 64), counted(8, 128)));
}

/** ENROLLED. */
export function enrolled(client: string): Frame {
  return frame("ENROLLED", 0, utf8(client));
}

/** DENIED. */
export function denied(code: number): Frame {
  return frame("DENIED", 0, uint(code, 1));
}

/** PAD. */
export function pad(length: number): Frame {
  return frame("PAD", 0, new Uint8Array(length));
}

/** ACK. */
export function ack(joined: number): Frame {
  return frame("ACK", 0, uint(joined, 8));
}

/** OFFER of counted bytes. @param index The channel's index, from 0. */
export function offer(index: number): Frame {
  return frame("OFFER", 0, join(uint(index, 1), counted(16, 1), counted(272)));
}

/** DATAGRAMS of counted bytes. @param channels Number of handles. */
export function datagrams(channels: number): Frame {
  return frame("DATAGRAMS", 0, join(counted(16, 1), counted(8 * channels, 32)));
}

/** Single frames, with the values in their bodies (docs/PROTOCOL.md 5.1). */
export function frames(): Vector[] {
  const vector = (name: string, description: string, { type, stream, body, bytes }: Frame, values = {}): Vector => {
    const number = TYPES[type];
    return { name, description, type: number, stream, ...values, body: body.toHex(), bytes: bytes.toHex() };
  };
  const text = "no route to “web”", bad = Uint8Array.of(0x6e, 0x6f, 0xff, 0xc3);
  const results = ["Ok", "Refused", "Unreachable", "NotAllowed", "Overloaded", "NotProcessed"];
  const resets = ["Application", "Shutdown", "Limit", "Protocol"];
  return [
    vector("OPEN", "To port 80", open(1)),
    ...results.map((name, code) =>
      vector(`RESULT ${name}`, `Code ${code}, no text`, result(1, code), { code, text: "" })
    ),
    vector("RESULT with a text", "In UTF-8", result(7, 2, utf8(text)), { code: 2, text }),
    vector("RESULT with a bad text", "Not UTF-8: read with U+FFFD", result(7, 1, bad), {
      code: 1,
      text: "no\ufffd\ufffd",
    }),
    vector("RESULT, longest", "A text of 200 bytes", result(7, 1, utf8("a".repeat(200))), {
      code: 1,
      text: "a".repeat(200),
    }),
    vector("DATA", "18 bytes", data(1, utf8("GET / HTTP/1.0\r\n\r\n"))),
    vector("DATA, shortest", "One byte, on the stream with the highest number", data(4_294_967_295, utf8("!"))),
    vector("END", "No body", end(3)),
    ...resets.map((name, index) =>
      vector(`RESET ${name}`, `Code ${index + 1}`, reset(1, index + 1), { code: index + 1 })
    ),
    vector("PING", "The most bytes, 8", ping("PING", counted(8, 1))),
    vector("PING without bytes", "The fewest bytes", ping("PING", NOTHING)),
    vector("PONG", "The most bytes, 8", ping("PONG", counted(8, 1))),
    vector("BYE", "Streams up to 5 go on", bye(5), { last: 5 }),
    vector("BYE to all", "The server has taken no stream", bye(0), { last: 0 }),
    vector("WORKERS", "Two workers", workers(2), { count: 2, id: counted(16, 160).toHex() }),
    vector("WORKERS, most", "64 workers", workers(64), { count: 64, id: counted(16, 160).toHex() }),
    vector("CREDIT", "65,536 bytes more", credit(2, 65_536), { increment: 65_536 }),
    vector("STREAMS", "Streams up to 192", streams(192), { limit: 192 }),
    vector("BLOCKED", "No body", blocked(2)),
    vector("HELLO", "A key id and a nonce", hello(), {
      key: counted(8, 1).toHex(),
      nonce: counted(32, 16).toHex(),
    }),
    vector("AUTH", "The server's nonce, or the client's key id and zeros; and a proof", auth(), {
      head: counted(32, 1).toHex(),
      proof: counted(64, 64).toHex(),
    }),
    vector("ENROLL", "A public key, a MAC and an invitation's id", enroll(), {
      enroll: {
        publicKey: counted(32, 1).toHex(),
        mac: counted(32, 64).toHex(),
        invitation: counted(8, 128).toHex(),
      },
    }),
    vector("ENROLLED", "The client's name", enrolled("alice"), { client: "alice" }),
    vector("ENROLLED, longest", "A name of 63 bytes", enrolled("a".repeat(63)), { client: "a".repeat(63) }),
    ...["NoProof", "NotAuthentic", "NoSuchKey", "NotInvited", "Revoked"].map((name, index) =>
      vector(`DENIED ${name}`, `Code ${index + 1}`, denied(index + 1), { code: index + 1 })
    ),
    vector("PAD", "20 zeros", pad(20), { length: 20 }),
    vector("PAD, shortest", "No body", pad(0), { length: 0 }),
    vector("ACK", "70,000 bytes have been joined", ack(70_000), { joined: 70_000 }),
    vector("OFFER", "The means to join channel 3 again", offer(2), {
      offer: { index: 2, handle: counted(16, 1).toHex(), secrets: counted(272).toHex() },
    }),
    ...[2, 16].map((channels) =>
      vector(`DATAGRAMS for ${channels} channels`, "A key and a handle for each channel", datagrams(channels), {
        means: {
          key: counted(16, 1).toHex(),
          handles: Array.from({ length: channels }, (_, at) => counted(8, 32 + 8 * at).toHex()),
        },
      })
    ),
  ];
}
