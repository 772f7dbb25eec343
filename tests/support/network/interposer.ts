/** A relay on a channel's path: passes bytes on, changes them, or cuts the path. */
import { type Connection, writeAll } from "../../../src/net/connection.ts";
import type { Interposed } from "./memory_network.ts";

/** Tampering with one direction of a channel. */
export interface Tampering {
  /** Changes a piece in place; `at` is its offset in the direction. */
  readonly change?: (piece: Uint8Array, at: number) => void;
  /** At this offset: closes or resets both sides, or stops relaying in both directions. */
  readonly cut?: { readonly at: number; readonly how: "close" | "reset" | "silence" };
  /** Replaces everything from offset `at` on. */
  readonly instead?: { readonly at: number; readonly bytes: Uint8Array };
}

/** Both directions of a channel, with byte counts. */
export class Interposer {
  /** Bytes sent by the client. */
  fromClient = 0;
  /** Bytes sent by the server. */
  fromServer = 0;
  /** Resolves once both ends are closed. */
  readonly done: Promise<void>;
  readonly #path: Interposed;
  #silent = false;

  constructor(path: Interposed, toClient: Tampering = {}, toServer: Tampering = {}) {
    this.#path = path;
    this.done = this.#run(toClient, toServer);
  }

  /** Closes both sides. */
  close(): void {
    this.#path.toClient.close();
    this.#path.toServer.close();
  }

  /** Resets both sides. */
  reset(): void {
    this.#path.toClient.reset();
    this.#path.toServer.reset();
  }

  /** Stops relaying. */
  silence(): void {
    this.#silent = true;
  }

  async #run(toClient: Tampering, toServer: Tampering): Promise<void> {
    const { toClient: client, toServer: server } = this.#path;
    await Promise.all([
      this.#pump(client, server, toServer, (length) => this.fromClient += length),
      this.#pump(server, client, toClient, (length) => this.fromServer += length),
    ]);
    this.close();
  }

  async #pump(from: Connection, to: Connection, tampering: Tampering, count: (length: number) => void): Promise<void> {
    const buffer = new Uint8Array(65536);
    const { change, cut, instead } = tampering;
    let at = 0;
    try {
      if (cut?.at === 0) this[cut.how]();
      for (;;) {
        const end = cut !== undefined && at < cut.at
          ? cut.at
          : instead !== undefined && at < instead.at
          ? instead.at
          : Infinity;
        const length = await from.read(buffer.subarray(0, Math.min(buffer.length, end - at)));
        if (length === null) break;
        count(length);
        const piece = buffer.subarray(0, length);
        change?.(piece, at);
        if (!this.#silent && !(instead !== undefined && at >= instead.at)) await writeAll(to, piece);
        at += length;
        if (instead !== undefined && at === instead.at) await writeAll(to, instead.bytes);
        if (cut !== undefined && at === cut.at) this[cut.how]();
      }
      if (!this.#silent) await to.closeWrite();
    } catch {
      if (!this.#silent) this.reset();
    }
  }
}
