/** A path with a limited rate. */
import type { Address } from "../../src/net/address.ts";
import { pause } from "./parts.ts";

/** Maximum backlog that a path catches up on, in milliseconds, since timers run late. */
const LATE = 50;

/** Relays at a limited rate in each direction. */
export class PacedPath implements AsyncDisposable {
  #listener: Deno.TcpListener | undefined;
  readonly #rate: number;
  readonly #open = new Set<Deno.Conn>();
  #accepting: Promise<void> | undefined;

  /** Creates a path. @param rate In bytes a second. */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Starts relaying to an address; call it once. @returns The path's listening address, on the same host. */
  lead(to: Address): Address {
    const listener = this.#listener = Deno.listen({ hostname: to.host, port: 0 });
    this.#accepting = this.#accept(listener, to);
    return { host: to.host, port: listener.addr.port };
  }

  /** Closes the path and its connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener?.close();
    for (const conn of this.#open) conn.close();
    this.#open.clear();
    await this.#accepting;
  }

  async #accept(listener: Deno.TcpListener, to: Address): Promise<void> {
    const passed: Promise<void>[] = [];
    try {
      for await (const conn of listener) passed.push(this.#pass(conn, to));
    } catch {
      // The path was closed.
    }
    await Promise.all(passed);
  }

  async #pass(near: Deno.TcpConn, { host, port }: Address): Promise<void> {
    const both = [near, await Deno.connect({ hostname: host, port })] as const;
    for (const conn of both) this.#open.add(conn);
    await Promise.allSettled([this.#pump(...both), this.#pump(both[1], near)]);
    for (const conn of both) if (this.#open.delete(conn)) conn.close();
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(Math.min(65_536, this.#rate / 20));
    let due = performance.now();
    for (let length = await from.read(buffer); length !== null; length = await from.read(buffer)) {
      for (let at = 0; at < length;) at += await to.write(buffer.subarray(at, length));
      const now = performance.now();
      due = Math.max(due, now - LATE) + 1000 * length / this.#rate;
      if (due > now) await pause(due - now);
    }
    await to.closeWrite();
  }
}
