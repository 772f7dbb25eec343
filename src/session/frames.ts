import { type Association, ChannelError } from "../association/association.ts";
import type { Clock } from "../time/clock.ts";
import { guardedRandom } from "../sharing/guarded_pads.ts";
import { systemPads } from "../sharing/system_pads.ts";
import { concat } from "../wire/concat.ts";
import { WireError } from "../wire/decoder.ts";
import { type Frame, FRAME_HEAD_LENGTH, frameName, FrameType } from "../wire/frame.ts";
import { FrameDecoder } from "../wire/frame_decoder.ts";
import { FrameEncoder } from "../wire/frame_encoder.ts";
import type { Workers } from "../wire/workers.ts";

const NOTHING = new Uint8Array(0);

/** Source of all keys and masks; shared, so that it notices a repetition across associations too. */
const random = guardedRandom(systemPads);

/**
 * An association's message bytes as frames, in both directions (docs/PROTOCOL.md 4). Uses the association's streams, but
 * does not own the association.
 *
 * Handles KEY, PING and PONG itself: sends KEY before the first frame, and answers PING. Records BYE and passes it on.
 *
 * When the random number generator fails, aborts the association before anything leaves that was made with that key or
 * mask, whether or not a caller is waiting.
 */
export class Frames {
  /** The association that carries the frames. */
  readonly association: Association;
  readonly #encoder: FrameEncoder;
  readonly #decoder = new FrameDecoder();
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** True once the other side has sent BYE: no new session may begin here. */
  leaving = false;
  /** Number of sessions requested on the association so far: one for each OPEN. */
  sessions = 0;
  /** Number of frames sent. */
  sent = 0;
  /** Number of writes that the application has accepted. */
  taken = 0;
  #waiting = false;
  /** The next frame, until it is received. */
  #next: Promise<Frame | null> | null = null;
  #signalling = false;
  /** Bytes that wait to leave with the next frame; `cancel` stops the timer that would send them alone. */
  #held: { readonly bytes: Uint8Array; readonly cancel: () => void } | null = null;
  readonly #announced: Workers | null;

  /**
   * Locks the association's streams.
   *
   * @param association Nothing else may read from it or write to it.
   * @param announced The server handler's workers, to be announced right behind KEY. Default: none.
   */
  constructor(association: Association, announced: Workers | null = null) {
    this.association = association;
    this.#announced = announced;
    this.#encoder = new FrameEncoder((into) => this.#draw(into));
    this.#writer = association.writable.getWriter();
    this.#reader = association.readable.getReader();
    // A failure surfaces in the next write or read.
    this.#writer.closed.catch(() => {});
    this.#reader.closed.catch(() => {});
  }

  /** The name of the latest session in both handlers' logs. */
  get session(): string {
    return `${this.association.id}.${this.sessions}`;
  }

  /**
   * Sends a frame that is not DATA.
   *
   * @param encode Encodes it synchronously, with this direction's encoder.
   * @returns Settles when the frame, and everything before it, has left: ending the association then loses nothing.
   * @throws When a channel or the random number generator failed.
   */
  async send(encode: (encoder: FrameEncoder) => Uint8Array): Promise<void> {
    await this.#leave(this.#behindHeld(this.#encode(encode)));
  }

  /**
   * Sends a frame that is not DATA together with the next one, or alone if none follows within 2 ms: each send is a write
   * on every channel, and a short session consists of little else. A failure surfaces in the next write or read.
   *
   * @param encode As for {@linkcode Frames.send}; its errors are thrown from here.
   */
  sendSoon(encode: (encoder: FrameEncoder) => Uint8Array, clock: Clock): void {
    const bytes = this.#behindHeld(this.#encode(encode));
    const cancel = clock.soon(() => void this.#unwatched(this.#leave(this.#behindHeld(NOTHING))));
    this.#held = { bytes, cancel };
  }

  /**
   * Sends a DATA frame; another frame must have been passed to `send` or `sendSoon` before.
   *
   * @param frame 36 bytes of room for the frame's head, then the body; lent until the promise settles.
   * @throws When a channel or the random number generator failed.
   */
  sendData(frame: Uint8Array): Promise<void> {
    this.#encoder.dataHead(frame, frame.length - FRAME_HEAD_LENGTH);
    this.sent++;
    return this.#writer.write(this.#behindHeld(frame));
  }

  /**
   * Sends a DATA frame and END behind it.
   *
   * @param frames As for {@linkcode Frames.sendData}, and then 36 bytes of room for END.
   * @returns As for {@linkcode Frames.send}.
   */
  async sendLastData(frames: Uint8Array): Promise<void> {
    const end = frames.length - FRAME_HEAD_LENGTH;
    this.#encoder.dataHead(frames, end - FRAME_HEAD_LENGTH);
    frames.set(this.#encoder.end(), end);
    await this.#leave(this.#behindHeld(frames));
  }

  /** Encodes a frame, preceded by KEY and the announcement of workers if it is the first. */
  #encode(encode: (encoder: FrameEncoder) => Uint8Array): Uint8Array {
    const encoder = this.#encoder;
    if (encoder.started) return encode(encoder);
    const start = this.#announced === null ? [encoder.key()] : [encoder.key(), encoder.workers(this.#announced)];
    return concat([...start, encode(encoder)]);
  }

  /** Releases the held bytes, and appends `bytes`. */
  #behindHeld(bytes: Uint8Array): Uint8Array {
    const held = this.#held;
    if (held === null) return bytes;
    this.#held = null;
    held.cancel();
    // Copied: the frame behind OPEN or RESULT is short.
    return concat([held.bytes, bytes]);
  }

  async #leave(bytes: Uint8Array): Promise<void> {
    this.sent++;
    await this.#writer.write(bytes);
    await this.association.flushed();
  }

  /**
   * Receives the next frame, or part of a DATA frame, whose bytes are lent until the next call.
   *
   * @returns Null when a channel has ended in order and nothing is left.
   * @throws {WireError} When the other side violated the protocol, or a frame was tampered with.
   * @throws {ChannelError} When a channel failed.
   */
  receive(): Promise<Frame | null> {
    return this.peek().then((frame) => {
      this.#next = null;
      return frame;
    });
  }

  /** Like {@linkcode Frames.receive}, but leaves the frame: watches an association while no frame is due. */
  peek(): Promise<Frame | null> {
    this.#next ??= this.#read();
    return this.#next;
  }

  /** True if bytes beyond the frames received so far have arrived. */
  get more(): boolean {
    return !this.#decoder.atBoundary;
  }

  /** True while a read is waiting for bytes. */
  get receiving(): boolean {
    return this.#waiting;
  }

  /** Sends PING, unless an earlier one is still waiting to leave. PONG is handled here. */
  ping(): void {
    this.#signal((encoder) => encoder.ping(new Uint8Array(0)));
  }

  async #read(): Promise<Frame | null> {
    for (;;) {
      const frame = this.#decode();
      if (frame !== null) return frame;
      this.#waiting = true;
      const { value, done } = await this.#reader.read();
      this.#waiting = false;
      if (done) return null;
      this.#decoder.push(value);
    }
  }

  /** Decodes the next frame for the caller from the bytes at hand. */
  #decode(): Frame | null {
    for (;;) {
      const frame = this.#decoder.next();
      if (frame?.type === FrameType.Ping) {
        // A server sends nothing before the first OPEN.
        if (this.#encoder.started) this.#signal((encoder) => encoder.pong(frame.payload));
      } else if (frame?.type !== FrameType.Key && frame?.type !== FrameType.Pong) {
        if (frame?.type === FrameType.Bye) this.leaving = true;
        return frame;
      }
    }
  }

  /** Sends a PING or PONG. Drops it while another can't leave, so that a flood of PINGs does not fill memory. */
  #signal(encode: (encoder: FrameEncoder) => Uint8Array): void {
    if (this.#signalling) return;
    this.#signalling = true;
    this.#unwatched(this.send(encode)).finally(() => this.#signalling = false);
  }

  /** Handles the failure of a send that no caller waits for. */
  #unwatched(sending: Promise<void>): Promise<void> {
    return sending.catch((error) => {
      // After a channel failed, bytes that arrived before may still be read; any other error would be lost.
      if (!(error instanceof ChannelError)) this.association.fail(error);
    });
  }

  /** Draws a key or a mask. */
  #draw(into: Uint8Array): void {
    try {
      random(into);
    } catch (error) {
      // Immediately: no caller may be waiting, and nothing may leave without its mask.
      this.association.fail(error);
      throw error;
    }
  }
}

/** Creates the error for a frame that is not allowed where it arrived. */
export function unexpected(frame: Frame, where: string): WireError {
  return new WireError(`${frameName(frame.type)} ${where}`);
}
