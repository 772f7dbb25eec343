import {
  blocked,
  bye,
  credit,
  data,
  end,
  type Frame,
  open,
  pad,
  ping,
  reset,
  result,
  streams,
  workers,
} from "./frames.ts";
import { keySlowly, recordSlowly } from "./sealing.ts";
import { counted, join, shortHex, utf8, type Vector } from "./vector.ts";

/** k of every direction of the vectors. */
export const K: Uint8Array<ArrayBuffer> = counted(16);

/** rho of every direction of the vectors. */
export const RHO: Uint8Array<ArrayBuffer> = counted(16, 16);

/** KEY of every direction of the vectors. */
export const KEY: Uint8Array<ArrayBuffer> = keySlowly(K, RHO);

/** The record with this number whose body has these frames. */
export function record(number: number, ...frames: readonly Frame[]): Uint8Array<ArrayBuffer> {
  return recordSlowly(K, RHO, number, join(...frames.map(({ bytes }) => bytes)));
}

/** A frame that its receiver ignores. */
function ignored(frame: Frame): Frame & { ignored: true } {
  return { ...frame, ignored: true };
}

/** Whole directions that must be taken (docs/PROTOCOL.md 4.1, 5.1, 6). */
export function directions(): Vector[] {
  const direction = (
    from: "client" | "server",
    name: string,
    description: string,
    opened: number,
    ...records: (Frame & { ignored?: true })[][]
  ): Vector => ({
    name: `${from}: ${name}`,
    description,
    from,
    ...(from === "server" && { opened }),
    k: K.toHex(),
    rho: RHO.toHex(),
    key: KEY.toHex(),
    records: records.map((frames, index) => ({
      number: index + 1,
      frames: frames.map(({ type, stream, body, ignored }) => ({
        type,
        stream,
        body: shortHex(body),
        ...(ignored && { ignored }),
      })),
      bytes: shortHex(record(index + 1, ...frames)),
    })),
  });
  const most = new Uint8Array(65_529);
  return [
    direction(
      "client",
      "every frame",
      "Three streams; the third is given up",
      0,
      [workers(2), open(1), data(1, utf8("GET / HTTP/1.0\r\n\r\n")), end(1)],
      [open(2, 443), ping("PING", counted(8, 1)), data(2, utf8("!"))],
      [ping("PONG", new Uint8Array(0)), credit(2, 65_536), open(3, 22), credit(1, 1), blocked(2)],
      [end(2), credit(2, 1), reset(3, 1)],
    ),
    direction("client", "nothing but OPEN", "The shortest record", 0, [open(1, 0)]),
    direction(
      "client",
      "all of the credit",
      "65,536 bytes on one stream, in the longest record and a short one; a second stream has a credit of its own",
      0,
      [open(1)],
      [data(1, most)],
      [data(1, counted(7)), blocked(1), open(2), data(2, counted(7)), end(1), end(2)],
    ),
    direction(
      "client",
      "all of the streams",
      "128 in one record, which is as many as there may be before STREAMS",
      0,
      Array.from({ length: 128 }, (_, index) => open(index + 1)),
    ),
    direction("client", "most credit", "Exactly 2^31-1 bytes", 0, [open(1), credit(1, 2_147_483_647 - 65_536)]),
    direction(
      "client",
      "ignored",
      "Padding, frames of a stream that is over, and a PONG that nothing asked for",
      0,
      [ignored(pad(100))],
      [open(1), reset(1, 1), ...[data(1, utf8("late")), end(1), credit(1, 1), reset(1, 2), blocked(1)].map(ignored)],
      [ignored(ping("PONG", counted(3))), open(2), end(2)],
    ),
    direction(
      "server",
      "every frame",
      "Of three streams the second is refused and the third reset; no further one is taken",
      3,
      [workers(2), result(1, 0), data(1, utf8("HTTP/1.0 200 OK\r\n\r\n")), streams(192)],
      [result(2, 1, utf8("the target refused the connection")), result(3, 0), credit(1, 65_536)],
      [ping("PING", counted(4)), ping("PONG", counted(8, 1)), end(1), credit(1, 1), blocked(3)],
      [reset(3, 1), bye(3), streams(192)],
    ),
    direction(
      "server",
      "other order",
      "Answers come in any order; a BYE leaves out the streams above the last that was taken",
      4,
      [result(3, 0), data(3, utf8("3"))],
      [result(1, 0), data(1, utf8("1")), data(3, utf8("3")), bye(3), data(1, utf8("1"))],
      [result(2, 5), end(3), end(1)],
    ),
    direction("server", "all of the credit", "65,536 bytes behind RESULT", 1, [result(1, 0)], [data(1, most)], [
      data(1, counted(7)),
      end(1),
    ]),
    direction(
      "server",
      "ignored",
      "Frames of a stream that was refused, and a PONG that nothing asked for",
      1,
      [result(1, 3), ...[result(1, 0), data(1, utf8("late")), end(1), reset(1, 1), credit(1, 1)].map(ignored)],
      [ignored(ping("PONG", counted(3))), ignored(pad(0)), ignored(pad(300))],
    ),
  ];
}
