/** The other side of an association, played by a test: sends any frames in sealed records, and receives frames. */
import type { Association } from "../../../src/association/association.ts";
import { Chunk } from "../../../src/net/chunk.ts";
import { RECORD_HEAD_LENGTH } from "../../../src/records/record.ts";
import { RecordEncoder } from "../../../src/records/record_encoder.ts";
import { recordOpener } from "../../../src/records/record_opener.ts";
import { systemPads } from "../../../src/sharing/system_pads.ts";
import { concat } from "../../../src/wire/concat.ts";
import { type Frame, FrameType } from "../../../src/wire/frame.ts";
import type { Offer } from "../../../src/wire/rejoin.ts";
import { FrameDecoder } from "../../../src/wire/frame_decoder.ts";
import { settle } from "../time/fake_clock.ts";

/** A received frame, and the number of its record, from 0. DATA is copied. */
export type Heard = Frame & { readonly record: number };

/** Those of a type. */
type HeardOf<T extends FrameType> = Heard extends infer F
  ? F extends { readonly type: infer U } ? T extends U ? F : never : never
  : never;

/** Speaks records by hand. Does not own the association. */
export class FramePeer {
  /** Everything received so far that {@linkcode FramePeer.next} has not returned. */
  readonly heard: Heard[] = [];
  /** The last OFFER for each channel; {@linkcode FramePeer.next} returns none. */
  readonly offers: Map<number, Offer> = new Map();
  /** Settles when nothing more is received: null for an end in order. */
  readonly ended: Promise<unknown>;
  readonly #encoder = new RecordEncoder(systemPads);
  readonly #writer: WritableStreamDefaultWriter<Chunk>;
  #records = 0;

  /** Takes both streams of an association. */
  constructor(association: Association) {
    this.#writer = association.writable.getWriter();
    this.#writer.closed.catch(() => {});
    this.ended = association.readable.pipeThrough(recordOpener())
      .pipeTo(
        new WritableStream<readonly Chunk[]>({ write: (records) => records.forEach((record) => this.#take(record)) }),
      )
      .then(() => null, (error: unknown) => error);
  }

  /** Sends frames in one record. */
  send(...frames: Uint8Array[]): Promise<void> {
    return this.sendBody(concat(frames));
  }

  /** Sends a record with any body. */
  async sendBody(body: Uint8Array): Promise<void> {
    const record = concat([new Uint8Array(RECORD_HEAD_LENGTH), body]);
    const key = this.#encoder.started ? [] : [this.#encoder.key()];
    this.#encoder.seal(record);
    await this.sendBytes(concat([...key, record]));
  }

  /** Sends any message bytes. */
  async sendBytes(bytes: Uint8Array): Promise<void> {
    await this.#writer.write(new Chunk(bytes, () => {}));
  }

  /** Takes the next frame, which must have arrived or be about to, and have a type. */
  async next<T extends FrameType>(type: T): Promise<HeardOf<T>> {
    for (let round = 0; round < 20 && this.heard.length === 0; round++) await settle();
    const frame = this.heard.shift();
    if (frame?.type !== type) throw new Error(`${FrameType[type]} expected, but got ${frame && FrameType[frame.type]}`);
    return frame as HeardOf<T>;
  }

  /** Names of the types of all frames heard and not taken, in order; takes them. */
  async drain(): Promise<string[]> {
    await settle();
    return this.heard.splice(0).map(({ type }) => FrameType[type]!.toUpperCase());
  }

  #take(record: Chunk): void {
    const frames = new FrameDecoder(record.bytes), number = this.#records++;
    for (let frame = frames.next(); frame !== null; frame = frames.next()) {
      if (frame.type === FrameType.Offer) {
        this.offers.set(frame.offer.index, frame.offer);
        continue;
      }
      const copy = frame.type === FrameType.Data ? { ...frame, bytes: frame.bytes.slice() } : frame;
      this.heard.push({ ...copy, record: number });
    }
    record.release();
  }
}
