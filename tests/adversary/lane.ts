/** One channel that the adversary owns, in both directions. */
import { type Connection, writeAll } from "../../src/net/connection.ts";
import type { Adversary } from "./adversary.ts";
import type { Step, Unit } from "./steps.ts";

/** What an attack finds when its step has come. */
export interface Moment {
  readonly step: Step;
  /** The unit that has come: the attack's to keep and change. Empty at the step "idle". */
  readonly bytes: Uint8Array;
  readonly lane: Lane;
  readonly adversary: Adversary;
}

/** What goes on in place of a unit. */
export type Act = (moment: Moment) => Uint8Array[] | Promise<Uint8Array[]>;

/** One direction: takes from `from`, gives to `to`, unit by unit, then whatever comes. */
export class Lane {
  readonly wire: Wire;
  readonly direction: "up" | "down";
  /** An attack may put another in its place. */
  from: Connection;
  /** And here. */
  to: Connection;
  /** Goes behind the next unit. */
  held: Uint8Array | null = null;
  /** What came, unit by unit. */
  readonly came = new Map<Step, Uint8Array>();
  /** All that came, in pieces. */
  readonly captured: Uint8Array[] = [];

  constructor(wire: Wire, direction: "up" | "down", from: Connection, to: Connection) {
    this.wire = wire;
    this.direction = direction;
    this.from = from;
    this.to = to;
  }

  /** Passes on what comes until it ends. */
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
      for (;;) {
        const buffer = new Uint8Array(65536);
        const length = await this.from.read(buffer);
        if (length === null) return await this.to.closeWrite();
        this.captured.push(buffer.slice(0, length));
        await this.give([buffer.subarray(0, length)]);
      }
    } catch {
      // Who reads or writes no more has ended the connection: so does what stands behind it.
      this.wire.reset();
    }
  }

  /** The next `length` bytes, or what comes of them before the end. */
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

  /** Writes pieces, one after the other. */
  async give(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) if (piece.length > 0) await writeAll(this.to, piece);
  }
}

/** Both directions of a channel of the adversary's. */
export class Wire {
  readonly up: Lane;
  readonly down: Lane;

  /**
   * Stands between.
   *
   * @param client Whose channel it is.
   * @param rank Which of the associations since the attack began it belongs to, from 0; less for those before.
   * @param channel Its index in the client's configuration.
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
