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

/** Where all keys and masks come from: so the same twice is noticed between associations, too. */
const random = guardedRandom(systemPads);

/**
 * An association's message bytes as frames, both ways (docs/PROTOCOL.md 4). It uses the association's streams; the
 * association stays its owner's.
 *
 * KEY, PING, PONG and BYE are its own business: it sends KEY before the first frame, answers PING, and keeps BYE in mind.
 *
 * When the generator of random numbers fails, whoever is sending or waiting, it aborts the association before anything
 * that was made with that key or mask leaves.
 */
export class Frames {
  /** What carries the frames. */
  readonly association: Association;
  readonly #encoder: FrameEncoder;
  readonly #decoder = new FrameDecoder();
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  /** Whether the other side has said BYE: no new session is to begin here. */
  leaving = false;
  /** What the other side has said of the server handler's workers. */
  workers: Workers | null = null;
  /** Which of the server handler's workers has the other end, where that is a server handler. */
  worker = 0;
  /** Called when a session was asked for, and its target is connected. */
  answered: (() => void) | null = null;
  /** How many sessions were asked for: one for each OPEN, from the association's first. */
  sessions = 0;
  /** How many frames were sent. */
  sent = 0;
  /** How often the application has taken some of what came. */
  taken = 0;
  #waiting = false;
  /** The next frame, until it is received. */
  #next: Promise<Frame | null> | null = null;
  #signalling = false;
  /** What waits to leave with the frame that follows, and how to forget that it is to leave by itself. */
  #held: { readonly bytes: Uint8Array; readonly cancel: () => void } | null = null;
  readonly #said: Workers | null;

  /**
   * Takes the association's streams.
   *
   * @param association Nobody else may read from it or write to it.
   * @param said What is said of the server handler's workers, right behind KEY. Default: nothing.
   */
  constructor(association: Association, said: Workers | null = null) {
    this.association = association;
    this.#said = said;
    this.#encoder = new FrameEncoder((into) => this.#draw(into));
    this.#writer = association.writable.getWriter();
    this.#reader = association.readable.getReader();
    // A failure is met where something is written or read.
    this.#writer.closed.catch(() => {});
    this.#reader.closed.catch(() => {});
  }

  /** Names the session that was asked for last in both handlers' logs. */
  get session(): string {
    return `${this.association.id}.${this.sessions}`;
  }

  /**
   * Sends a frame that is not DATA.
   *
   * @param encode Makes it, with this direction's encoder, at once.
   * @returns Settles when the frame, and all before it, has left: ending the association then loses nothing.
   * @throws When a channel failed, or the generator of random numbers.
   */
  async send(encode: (encoder: FrameEncoder) => Uint8Array): Promise<void> {
    await this.#leave(this.#behindHeld(this.#encode(encode)));
  }

  /**
   * Sends a frame that is not DATA together with the one that follows, or by itself if none does within a moment: each
   * is a write on every channel, and a short session consists of little else. Who waits for an answer, or reads, meets
   * a failure.
   *
   * @param encode As for {@linkcode Frames.send}; what it throws, this throws.
   */
  sendSoon(encode: (encoder: FrameEncoder) => Uint8Array, clock: Clock): void {
    const bytes = this.#behindHeld(this.#encode(encode));
    const cancel = clock.soon(() => void this.#unwatched(this.#leave(this.#behindHeld(NOTHING))));
    this.#held = { bytes, cancel };
  }

  /**
   * Sends a DATA frame; some frame must have been sent before, or be sent soon.
   *
   * @param frame 36 bytes that get the frame's head, then the body; lent until the promise settles.
   * @throws When a channel failed, or the generator of random numbers.
   */
  sendData(frame: Uint8Array): Promise<void> {
    this.#encoder.dataHead(frame, frame.length - FRAME_HEAD_LENGTH);
    this.sent++;
    return this.#writer.write(this.#behindHeld(frame));
  }

  /**
   * Sends a DATA frame and END behind it.
   *
   * @param frames As for {@linkcode Frames.sendData}, and then 36 bytes that get END.
   * @returns As for {@linkcode Frames.send}.
   */
  async sendLastData(frames: Uint8Array): Promise<void> {
    const end = frames.length - FRAME_HEAD_LENGTH;
    this.#encoder.dataHead(frames, end - FRAME_HEAD_LENGTH);
    frames.set(this.#encoder.end(), end);
    await this.#leave(this.#behindHeld(frames));
  }

  /** Encodes a frame; the first one behind KEY, and what is said of workers. */
  #encode(encode: (encoder: FrameEncoder) => Uint8Array): Uint8Array {
    const encoder = this.#encoder;
    if (encoder.started) return encode(encoder);
    const start = this.#said === null ? [encoder.key()] : [encoder.key(), encoder.workers(this.#said)];
    return concat([...start, encode(encoder)]);
  }

  /** What was held, which is held no more, and `bytes` behind it. */
  #behindHeld(bytes: Uint8Array): Uint8Array {
    const held = this.#held;
    if (held === null) return bytes;
    this.#held = null;
    held.cancel();
    // Copied: what follows OPEN or RESULT at once is short.
    return concat([held.bytes, bytes]);
  }

  async #leave(bytes: Uint8Array): Promise<void> {
    this.sent++;
    await this.#writer.write(bytes);
    await this.association.flushed();
  }

  /**
   * Waits for the next frame, or piece of DATA, whose bytes are lent until the next call.
   *
   * @returns null when a channel has ended in order and nothing is left.
   * @throws {WireError} When the other side broke the protocol, or a frame was tampered with.
   * @throws {ChannelError} When a channel failed.
   */
  receive(): Promise<Frame | null> {
    return this.peek().then((frame) => {
      this.#next = null;
      return frame;
    });
  }

  /** As {@linkcode Frames.receive}, but the frame stays: so an association can be watched while nothing is due. */
  peek(): Promise<Frame | null> {
    this.#next ??= this.#read();
    return this.#next;
  }

  /** Whether more has come than the frames that were received. */
  get more(): boolean {
    return !this.#decoder.atBoundary;
  }

  /** Whether somebody waits for a frame. */
  get receiving(): boolean {
    return this.#waiting;
  }

  /** Sends PING, unless what was sent before can't leave; the answer needs no attention. */
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

  /** The next frame of the bytes at hand that is not this class's own business. */
  #decode(): Frame | null {
    for (;;) {
      const frame = this.#decoder.next();
      if (frame?.type === FrameType.Ping) {
        // A server that has seen no OPEN yet says nothing.
        if (this.#encoder.started) this.#signal((encoder) => encoder.pong(frame.payload));
      } else if (frame?.type !== FrameType.Key && frame?.type !== FrameType.Pong) {
        if (frame?.type === FrameType.Bye) this.leaving = true;
        return frame;
      }
    }
  }

  /** Sends a PING or PONG. While one can't leave, further ones are not owed: many PINGs must not fill memory. */
  #signal(encode: (encoder: FrameEncoder) => Uint8Array): void {
    if (this.#signalling) return;
    this.#signalling = true;
    this.#unwatched(this.send(encode)).finally(() => this.#signalling = false);
  }

  /** Sees to a failure to send that nobody waits for. */
  #unwatched(sending: Promise<void>): Promise<void> {
    return sending.catch((error) => {
      // Of a channel that failed, what had come may still be taken; whatever else it was, nobody else hears of it.
      if (!(error instanceof ChannelError)) this.association.fail(error);
    });
  }

  /** A key or a mask. */
  #draw(into: Uint8Array): void {
    try {
      random(into);
    } catch (error) {
      // At once: some of what is sent is waited for by nobody, and a mask that is missing must not be gone on without.
      this.association.fail(error);
      throw error;
    }
  }
}

/** The error of a frame that is not allowed where it came. */
export function unexpected(frame: Frame, where: string): WireError {
  return new WireError(`${frameName(frame.type)} ${where}`);
}
