import { Chunk } from "../net/chunk.ts";
import { RecordDecoder } from "../records/record_decoder.ts";
import { RecordReader } from "../records/record_reader.ts";
import { xor } from "../sharing/xor.ts";
import { associateLength, cookieKey } from "../wire/associate.ts";
import { type Frame, FrameType } from "../wire/frame.ts";
import { FrameDecoder } from "../wire/frame_decoder.ts";
import { GREETING_LENGTH } from "../wire/greeting.ts";
import type { Recording } from "./tap.ts";

/** Application bytes that are contiguous among the message bytes. */
export interface Piece {
  /** Offset among the message bytes, and so in each share. */
  readonly position: number;
  /** In bytes. */
  readonly length: number;
}

/** Combined recordings of one association's downward direction, from the server handler to the client handler. */
export interface Overheard {
  /** Bytes of each channel after the handshake, cut to the shortest recording. */
  readonly shares: readonly Uint8Array[];
  /** The XOR of all shares. */
  readonly message: Uint8Array;
  /** Pieces of each session's answer, from the frames of the message bytes. */
  readonly answers: readonly (readonly Piece[])[];
}

/**
 * Combines the recordings of all taps, as an attacker on every channel would: the lists of cookies, which each channel
 * carries in the clear, show which connections belong together (docs/PROTOCOL.md 2.2).
 *
 * @param taps Recordings of each tap; one tap per channel.
 * @returns The associations that every tap has recorded.
 */
export function overhear(taps: readonly (readonly Recording[])[]): Overheard[] {
  const listLength = associateLength(taps.length);
  const lists = taps.map((recordings) =>
    new Map(recordings.map((recording) => [cookieKey(recording.up.bytes.subarray(0, listLength)), recording]))
  );
  return [...lists[0]!.keys()]
    .map((list) => lists.map((tap) => tap.get(list)))
    .filter((recordings) => recordings.every((recording) => recording !== undefined))
    .map((recordings) => join(recordings.map(({ down }) => down.bytes.subarray(GREETING_LENGTH + listLength))));
}

/** The XOR of two or more streams, byte by byte. */
export function xorOf(shares: readonly Uint8Array[]): Uint8Array {
  const copies = shares.map((share) => share.slice());
  xor.join(copies);
  return copies[0]!;
}

/** Concatenates the pieces of an answer. */
export function bytesOf(message: Uint8Array, pieces: readonly Piece[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const { position, length } of pieces) {
    bytes.set(message.subarray(position, position + length), at);
    at += length;
  }
  return bytes;
}

function join(recorded: readonly Uint8Array[]): Overheard {
  const length = Math.min(...recorded.map((share) => share.length));
  const shares = recorded.map((share) => share.subarray(0, length));
  const message = xorOf(shares);
  return { shares, message, answers: decode(message) };
}

/** Finds each session's answer, which begins with RESULT, in the order of the sessions. */
function decode(message: Uint8Array): Piece[][] {
  const answers = new Map<number, Piece[]>();
  const records = new RecordReader(new RecordDecoder());
  // One chunk: the bodies, and the DATA in them, are views of the message.
  records.push(new Chunk(message, () => {}));
  for (let record = records.next(); record !== null; record = records.next()) {
    const frames = new FrameDecoder(record.bytes);
    for (let frame: Frame | null = frames.next(); frame !== null; frame = frames.next()) {
      if (frame.type === FrameType.Result) answers.set(frame.stream, []);
      else if (frame.type === FrameType.Data) {
        const position = frame.bytes.byteOffset - message.byteOffset;
        answers.get(frame.stream)?.push({ position, length: frame.bytes.length });
      }
    }
  }
  return [...answers.values()];
}
