import { Chunk } from "../net/chunk.ts";
import type { RecordEncoder } from "../records/record_encoder.ts";
import { WireError } from "../wire/decoder.ts";
import { FRAME_HEAD_LENGTH, INITIAL_CREDIT, MAX_CREDIT, type ResetCode, ResultCode } from "../wire/frame.ts";
import { encode } from "../wire/frame_encoder.ts";
import { StreamReset, TargetError } from "./errors.ts";
import type { Piece } from "./piece.ts";
import { ReceiveWindow, type WindowLimits } from "./receive_window.ts";
import { type RecordPacker, sealData } from "./record_packer.ts";

/** Bytes that a stream sends before it is another stream's turn. */
const QUANTUM = 65_536;

/** Shortest piece that is sealed where it lies; shorter ones are copied, together with other streams'. */
const MIN_IN_PLACE = 16_384;

/** Records of a piece that are sealed where they lie before other streams get a turn. */
const RECORDS_IN_PLACE = 8;

/** Bytes of a bulk flow: a stream that moves this many within {@linkcode BULK_TIME} fills its association. */
const BULK = 524_288;

/** Time in milliseconds, see {@linkcode BULK}. */
const BULK_TIME = 500;

/** Receives what arrives on a stream. */
export interface StreamReceiver {
  /** The server has connected the target; on the client only. */
  answered?(): void;
  /** DATA: a view of a record, which the receiver holds or copies; reports with {@linkcode Stream.taken} once it is done. */
  data(bytes: Uint8Array, record: Chunk): void;
  /** END: no more DATA follows. */
  ended(): void;
  /** The stream is over: refused, reset by the other side, or failed with its association. */
  failed(error: Error): void;
}

/** Sends a piece on a stream, and hears what becomes of it. */
export interface StreamSender {
  /** The piece, whose buffer may be used again, or END has left. */
  left(stream: Stream): void;
  /** The stream failed before; leave the buffer to the garbage collector, as it may still be in use. */
  failed(error: Error, stream: Stream): void;
}

/** An association, as its streams see it. */
export interface StreamOwner extends WindowLimits {
  /** Sends a frame that is not DATA, in order. @param soon Lets it wait for company, up to 2 ms. */
  push(frame: Uint8Array, soon?: boolean): void;
  /** Puts a stream with something to send in the queue. @param soon Lets it wait for company, up to 2 ms. */
  ready(stream: Stream, soon?: boolean): void;
  /** Calls back when the frames that are being packed have left. */
  whenLeft(left: () => void): void;
  /** The stream is over. */
  over(stream: Stream): void;
  /** The stream has bytes to send and no credit. */
  waits(): void;
  /** The stream carries a bulk flow. */
  bulk(): void;
}

/**
 * One stream of an association (docs/PROTOCOL.md 6): a duplex of bytes with a half-close each way, a reset, and credit, so that
 * an application that does not read stops only itself.
 */
export class Stream {
  /** Its number in the association, from 1. */
  readonly number: number;
  /** Receives what arrives; set before anything can. */
  receiver!: StreamReceiver;
  readonly #owner: StreamOwner;
  /** Bytes of DATA that the other side still permits. */
  #credit = INITIAL_CREDIT;
  #piece: Piece | null = null;
  /** Bytes of the piece that have been sent. */
  #sent = 0;
  /** Sender of what was sent last; hears of the stream's failure at once, as what is on its way may never leave. */
  #sender: StreamSender | null = null;
  readonly #left = (): void => {
    const sender = this.#sender;
    this.#sender = null;
    sender?.left(this);
  };
  #queued = false;
  #awaitsResult: boolean;
  /** END waits to be packed. */
  #ending = false;
  /** END has left. */
  #sentEnd = false;
  #receivedEnd = false;
  #over = false;
  readonly #window: ReceiveWindow;
  #bulkBytes = 0;
  #bulkSince = 0;

  /**
   * Creates an open stream.
   *
   * @param awaitsResult True on the client, where RESULT comes before anything else.
   */
  constructor(number: number, owner: StreamOwner, awaitsResult: boolean) {
    this.number = number;
    this.#owner = owner;
    this.#awaitsResult = awaitsResult;
    this.#window = new ReceiveWindow(owner);
  }

  /** True on a client until RESULT has come: the server may send nothing else on the stream before. */
  get awaitsResult(): boolean {
    return this.#awaitsResult;
  }

  /** True once nothing more can be sent or received. */
  get over(): boolean {
    return this.#over;
  }

  /**
   * Sends bytes as DATA, as credit permits; what was sent before must have left.
   *
   * @param sender Hears once that the piece has left, or that the stream has failed.
   */
  send(piece: Piece, sender: StreamSender): void {
    if (this.#over) return sender.failed(new Error("the stream is over"), this);
    this.#sender = sender;
    this.#piece = piece;
    this.#sent = 0;
    this.#queue();
  }

  /**
   * Half-closes, behind all DATA; what was sent before must have left.
   *
   * @param sender Hears once that END has left, so that ending the association loses nothing, or that the stream failed before.
   */
  end(sender: StreamSender): void {
    if (this.#over) return sender.failed(new Error("the stream is over"), this);
    this.#sender = sender;
    this.#ending = true;
    this.#queue(true);
  }

  /**
   * Answers OPEN; on the server only. After a code other than `Ok` the stream is over. If the application has spoken, the answer
   * waits a moment for the target's first bytes.
   */
  answer(code: ResultCode, text = ""): void {
    if (this.#over) return;
    this.#owner.push(encode.result(this.number, code, text), code === ResultCode.Ok && !this.#window.isUntouched);
    if (code !== ResultCode.Ok) this.#finish();
  }

  /** Aborts the stream: the other side gets the reason, the receiver nothing. Without effect on a stream that is over. */
  reset(code: ResetCode): void {
    if (this.#over) return this.#window.close();
    this.#owner.push(encode.reset(this.number, code));
    this.#finish(new StreamReset(code));
  }

  /** Reports that the application has taken bytes, so that the other side may send as many again. */
  taken(length: number): void {
    this.#window.take(length);
    if (this.#over && this.#window.isEmpty) this.#window.close();
    if (!this.#over && !this.#receivedEnd) this.#grant(this.#window.grantTaken());
  }

  /** Ends the stream with an error: that of its association, or its reset by the other side. */
  fail(error: Error): void {
    if (this.#over) return;
    this.#finish(error);
    this.receiver.failed(error);
  }

  /** Handles RESULT. @throws {WireError} If the stream is not waiting for it. */
  onResult(code: ResultCode, text: string): void {
    if (!this.#awaitsResult) throw new WireError("RESULT where none was due");
    this.#awaitsResult = false;
    if (code === ResultCode.Ok) this.receiver.answered?.();
    else this.fail(new TargetError(code, text));
  }

  /** Handles DATA. @throws {WireError} If it is not allowed. */
  onData(bytes: Uint8Array, record: Chunk): void {
    if (this.#receivedEnd) throw new WireError("DATA behind END");
    this.#window.receive(bytes.length);
    this.#moved(bytes.length);
    this.receiver.data(bytes, record);
  }

  /** Handles END. @throws {WireError} If it is not allowed. */
  onEnd(): void {
    if (this.#receivedEnd) throw new WireError("END behind END");
    this.#receivedEnd = true;
    this.receiver.ended();
    if (this.#sentEnd) this.#finish();
  }

  /** Handles CREDIT. @throws {WireError} If the credit exceeds its maximum. */
  onCredit(increment: number): void {
    this.#credit += increment;
    if (this.#credit > MAX_CREDIT) throw new WireError("CREDIT beyond its maximum");
    if (this.#piece !== null) this.#queue();
  }

  /** Handles BLOCKED: more credit at a time helps if the application keeps up. */
  onBlocked(): void {
    if (!this.#receivedEnd) this.#grant(this.#window.grantBlocked());
  }

  /** Length in bytes of what may be sent now; 0 if only END is left. */
  get sendable(): number {
    return this.#piece === null ? 0 : Math.min(this.#piece.length - this.#sent, this.#credit, QUANTUM);
  }

  /**
   * Seals what is left of the piece where it lies, as far as credit permits, if that is long and nothing else needs the record.
   *
   * @param frames Frames of the association that go in front.
   * @returns The records; null if the piece must be copied.
   */
  sealPiece(encoder: RecordEncoder, maxBody: number, frames: readonly Uint8Array[]): Chunk | null {
    const piece = this.#piece;
    if (piece === null) return null;
    const left = piece.length - this.#sent;
    const length = Math.min(left, this.#credit, RECORDS_IN_PLACE * (maxBody - FRAME_HEAD_LENGTH));
    if (length < MIN_IN_PLACE) return null;
    const data = { stream: this.number, buffer: piece.buffer, start: piece.start + this.#sent, length };
    const records = sealData(encoder, data, maxBody, frames);
    if (records === null) return null;
    this.#credit -= length;
    this.#moved(length);
    // The rest waits: its heads will lie where these records do.
    if (length < left) {
      this.#sent += length;
      return new Chunk(records, () => {
        this.#queued = false;
        this.#queue();
      });
    }
    this.#queued = false;
    this.#piece = null;
    if (this.#ending) this.#queue();
    return new Chunk(records, this.#left);
  }

  /** Packs what may be sent now. @returns False if the records are full: the rest is for the next ones. */
  pack(packer: RecordPacker): boolean {
    const piece = this.#piece;
    if (piece !== null) {
      const length = this.sendable, from = piece.start + this.#sent;
      const done = packer.data(this.number, piece.buffer.subarray(from, from + length));
      this.#sent += done;
      this.#credit -= done;
      this.#moved(done);
      if (done < length) return false;
      if (this.#sent < piece.length) {
        this.#queued = false;
        this.#queue();
        return true;
      }
      // Not earlier: reading on would delay the records.
      this.#owner.whenLeft(this.#left);
      this.#piece = null;
    }
    if (this.#ending && !this.#over) {
      if (!packer.frame(encode.end(this.number))) return false;
      this.#ending = false;
      this.#owner.whenLeft(() => this.#endLeft());
    }
    this.#queued = false;
    return true;
  }

  /** Asks for a turn, unless there is no credit. */
  #queue(soon = false): void {
    if (this.#queued || this.#over) return;
    if (this.#piece !== null && this.#credit === 0) {
      this.#owner.push(encode.blocked(this.number));
      return this.#owner.waits();
    }
    this.#queued = true;
    this.#owner.ready(this, soon);
  }

  #endLeft(): void {
    if (this.#over) return;
    this.#sentEnd = true;
    this.#left();
    if (this.#receivedEnd) this.#finish();
  }

  #grant(bytes: number): void {
    if (bytes > 0) this.#owner.push(encode.credit(this.number, bytes));
  }

  /** Notes bytes that have moved, to notice a bulk flow. */
  #moved(length: number): void {
    this.#bulkBytes += length;
    if (this.#bulkBytes < BULK) return;
    const now = this.#owner.clock.now();
    if (now - this.#bulkSince < BULK_TIME) this.#owner.bulk();
    this.#bulkSince = now;
    this.#bulkBytes = 0;
  }

  #finish(error?: Error): void {
    this.#over = true;
    const sender = this.#sender;
    this.#piece = this.#sender = null;
    sender?.failed(error ?? new Error("the stream is over"), this);
    // After an orderly end, the application may still have to take what has come.
    if (error !== undefined || this.#window.isEmpty) this.#window.close();
    this.#owner.over(this);
  }
}
