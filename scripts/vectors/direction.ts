import { FRAME_HEAD_LENGTH, FrameType, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { MASK_AT, sealed, TAG_AT } from "./field.ts";
import { counted, counting, members, type Vector } from "./vector.ts";
import { concat } from "../../src/wire/concat.ts";

const text = new TextEncoder();

/** One direction's frames, in order (docs/PROTOCOL.md 4). */
export function direction(): Vector[] {
  const encoder = new FrameEncoder(counting());
  const vectors: Vector[] = [];
  let key = new Uint8Array(0), mask = key;

  const add = (name: string, description: string, frame: Uint8Array): void => {
    const type = frame[0]!, body = frame.slice(FRAME_HEAD_LENGTH), whole = frame.toHex();
    if (type === FrameType.Key) {
      [key, mask] = [frame.slice(MASK_AT, TAG_AT), frame.slice(TAG_AT)];
      vectors.push({ name, description, type, key: key.toHex(), mask: mask.toHex(), frame: whole });
      return;
    }
    const parts = sealed(frame, type === FrameType.Data ? new Uint8Array(0) : body, {
      key,
      mask,
      number: vectors.length,
    });
    vectors.push({ name, description, ...parts, body: body.toHex(), frame: whole });
    mask = Uint8Array.fromHex(parts.nextMask);
  };

  add("KEY", "The key and the first mask", encoder.key());
  add("WORKERS", "Two workers: right behind KEY, or nowhere", encoder.workers({ count: 2, id: counted(16, 160) }));
  add("OPEN", "To port 80", encoder.open({ destination: { kind: "port", port: 80 } }));
  add("DATA", "A request", data(encoder, text.encode("GET / HTTP/1.0\r\n\r\n")));
  add("PING", "With the most bytes, 8", encoder.ping(counted(8, 1)));
  add("PONG", "With no bytes", encoder.pong(new Uint8Array(0)));
  add("DATA again", "One byte, the least", data(encoder, text.encode("!")));
  add("END", "The first session's", encoder.end());
  const source = { address: Uint8Array.of(198, 51, 100, 7), port: 49152 };
  const destination = { kind: "name", port: 443, host: "www.example.com" } as const;
  add("OPEN again", "To a name, telling the source: two blocks of body", encoder.open({ destination, source }));
  for (const [name, code] of members(ResultCode)) {
    // Frames are the same in both directions; here all are in one.
    add(`RESULT ${name}`, `Code ${code}, no text; only a server sends it`, encoder.result(code));
  }
  add("RESULT with a text", "In UTF-8", encoder.result(ResultCode.Unreachable, "no route to “web”"));
  for (const [name, code] of members(ResetCode)) add(`RESET ${name}`, `Code ${code}`, encoder.reset(code));
  add("BYE", "The last frame here", encoder.bye());
  return vectors;
}

/** A whole DATA frame. */
export function data(encoder: FrameEncoder, body: Uint8Array): Uint8Array {
  const head = new Uint8Array(FRAME_HEAD_LENGTH);
  encoder.dataHead(head, body.length);
  return concat([head, body]);
}
