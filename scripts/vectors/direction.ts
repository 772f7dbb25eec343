import { ELEMENT_LENGTH } from "../../src/wire/field.ts";
import { FRAME_HEAD_LENGTH, FrameType, isControl, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { FrameEncoder } from "../../src/wire/frame_encoder.ts";
import { sealed } from "./field.ts";
import { concat, counted, counting, members, type Vector } from "./vector.ts";

const text = new TextEncoder();

/** One direction's frames, in order (docs/PROTOCOL.md 4). */
export function direction(): Vector[] {
  const encoder = new FrameEncoder(counting());
  const vectors: Vector[] = [];
  let key = new Uint8Array(0), mask = key, controlFrames = 0, dataBytes = 0;

  const add = (name: string, description: string, frame: Uint8Array): void => {
    const type = frame[0]!, payload = frame.slice(FRAME_HEAD_LENGTH);
    if (isControl(type)) {
      const parts = sealed(payload, { key, mask, type, controlFrames, dataBytes });
      vectors.push({ name, description, ...parts, frame: frame.toHex() });
      mask = Uint8Array.fromHex(parts.nextMask);
      controlFrames++;
      return;
    }
    vectors.push({ name, description, type, payload: payload.toHex(), frame: frame.toHex() });
    if (type === FrameType.Data) dataBytes += payload.length;
    if (type === FrameType.Key) [key, mask] = [payload.slice(0, ELEMENT_LENGTH), payload.slice(ELEMENT_LENGTH)];
  };

  add("KEY", "The key and the first mask", encoder.key());
  add("OPEN", "To port 80", encoder.open({ destination: { kind: "port", port: 80 } }));
  add("DATA", "A request", data(encoder, text.encode("GET / HTTP/1.0\r\n\r\n")));
  add("PING", "With the most bytes, 8", encoder.ping(counted(8, 1)));
  add("PONG", "With no bytes", encoder.pong(new Uint8Array(0)));
  add("DATA again", "One byte, the least", data(encoder, text.encode("!")));
  add("END", "After DATA of 19 bytes", encoder.end());
  const source = { address: Uint8Array.of(198, 51, 100, 7), port: 49152 };
  const destination = { kind: "name", port: 443, host: "www.example.com" } as const;
  add("OPEN again", "To a name, telling the source: two blocks of body", encoder.open({ destination, source }));
  for (const [name, code] of members(ResultCode)) {
    // Frames know no sides: here all are in one direction.
    add(`RESULT ${name}`, `Code ${code}, no text; only a server sends it`, encoder.result(code));
  }
  add("RESULT with a text", "In UTF-8", encoder.result(ResultCode.Unreachable, "no route to “web”"));
  for (const [name, code] of members(ResetCode)) add(`RESET ${name}`, `Code ${code}`, encoder.reset(code));
  add("BYE", "The last frame here", encoder.bye());
  return vectors;
}

function data(encoder: FrameEncoder, payload: Uint8Array): Uint8Array {
  const head = new Uint8Array(FRAME_HEAD_LENGTH);
  encoder.dataHead(head, payload.length);
  return concat(head, payload);
}
