/** One of the adversary's channels, in both directions. */
import { type Connection, writeAll } from "../../src/net/connection.ts";
import type { Adversary } from "./adversary.ts";
import type { Step, Unit } from "./steps.ts";

/** An attack's input at its step. */
export interface Moment {
  readonly step: Step;
  /** The unit, for the attack to keep and change. Empty at the step "idle". */
  readonly bytes: Uint8Array;
  readonly lane: Lane;
  readonly adversary: Adversary;
}

/** Returns what replaces a unit. */
export type Act = (moment: Moment) => Uint8Array[] | Promise<Uint8Array[]>;

/** One direction: relays units from `from` to `to`, then all further bytes. */
export class Lane {
  readonly wire: Wire;
  readonly direction: "up" | "down";
  /** The source; an attack may replace it. */
  from: Connection;
  /** The destination; an attack may replace it. */
  to: Connection;
  /** Sent after the next unit. */
  held: Uint8Array | null = null;
  /** The received units. */
  readonly came = new Map<Step, Uint8Array>();
  /** All received bytes, in pieces. */
  captured: Uint8Array[] = [];
  /** Replaces what passes behind the last unit. */
  through: (bytes: Uint8Array) => Uint8Array[] | Promise<Uint8Array[]> = (bytes) => [bytes];

  constructor(wire: Wire, direction: "up" | "down", from: Connection, to: Connection) {
    this.wire = wire;
    this.direction = direction;
    this.from = from;
    this.to = to;
  }

  /** Relays until the end. */
  async run(plan: readonly Unit[], act: Act): Promise<void> {
    try {
      for (const { step, length } of plan) {
        const bytes = await this.take(length);
        if (bytes.length < length) {
          await this.give([bytes]);
          return await this.to.closeWrite();
        }
        this.came.set(step, bytes.slice());
        const { held } = this;
        const pieces = await act({ step, bytes, lane: this, adversary: this.wire.adversary });
        await this.give(pieces);
        if (held !== null) {
          await this.give([held]);
          this.held = null;
        }
      }
      const buffer = new Uint8Array(65536);
      for (;;) {
        const length = await this.from.read(buffer);
        if (length === null) return await this.to.closeWrite();
        this.captured.push(buffer.slice(0, length));
        await this.give(await this.through(buffer.slice(0, length)));
      }
    } catch {
      // An end that no longer reads or writes has closed; so does the other side.
      this.wire.reset();
    }
  }

  /** Takes the next `length` bytes, or fewer at the end. */
  async take(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const read = await this.from.read(bytes.subarray(at));
      if (read === null) break;
      at += read;
    }
    this.captured.push(bytes.slice(0, at));
    return bytes.subarray(0, at);
  }

  /** Writes pieces in order. */
  async give(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) if (piece.length > 0) await writeAll(this.to, piece);
  }
}

/** Both directions of one of the adversary's channels. */
export class Wire {
  readonly up: Lane;
  readonly down: Lane;

  /**
   * Interposes on a channel.
   *
   * @param client The channel's client.
   * @param rank Rank of the association since the attack began, from 0; negative before it.
   * @param channel Index in the client's configuration.
   * @param toClient The adversary's end towards the client.
   * @param toServer Its end towards the server.
   */
  constructor(
    readonly adversary: Adversary,
    readonly client: string,
    readonly rank: number,
    readonly channel: number,
    readonly toClient: Connection,
    readonly toServer: Connection,
  ) {
    this.up = new Lane(this, "up", toClient, toServer);
    this.down = new Lane(this, "down", toServer, toClient);
  }

  close(): void {
    this.toClient.close();
    this.toServer.close();
  }

  reset(): void {
    this.toClient.reset();
    this.toServer.reset();
  }
}
