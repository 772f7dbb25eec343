import { createHash } from "node:crypto";
import { type Address, formatAddress } from "../../../src/net/address.ts";
import { type Connection, writeAll } from "../../../src/net/connection.ts";
import { systemNetwork } from "../../../src/net/system/tcp.ts";
import "../system/native.ts";
import { bounded, PATIENCE } from "./process.ts";

/** End of a stream: in order, or by a reset. */
export type Ending = "end" | "reset";

/** Everything received on a connection. */
export interface Received {
  /** Number of bytes. */
  bytes: number;
  /** SHA-256 of the bytes, in hexadecimal. */
  sha256: string;
  /** End of the stream. */
  ending: Ending;
}

/** Connects to `to`; disposal resets the connection unless it was closed before. */
export async function connect(to: Address): Promise<Connection & Disposable> {
  const connection = await systemNetwork.connect(to, AbortSignal.timeout(PATIENCE));
  return Object.assign(connection, { [Symbol.dispose]: () => connection.reset() });
}

/** A listener that plays a server handler's target. */
export class Target implements Disposable {
  readonly #listener;
  readonly #accepted: Connection[] = [];

  /**
   * Starts to listen.
   *
   * @param at Default: a free port of 127.0.0.1.
   */
  constructor(at: Address = { host: "127.0.0.1", port: 0 }) {
    this.#listener = systemNetwork.listen(at);
  }

  /** Its listening address. */
  get address(): Address {
    return this.#listener.address;
  }

  /**
   * Waits for the next connection; disposal of the target resets it unless it was closed before.
   *
   * @param from The program that should connect, for the error message.
   */
  async accept(from: { describe(): string }): Promise<Connection> {
    const connection = await bounded(this.#listener.accept(), () => `a connection to the target\n${from.describe()}`);
    if (connection === null) throw new Error("The target was closed before a connection arrived");
    this.#accepted.push(connection);
    return connection;
  }

  /** Stops listening and resets accepted connections. */
  [Symbol.dispose](): void {
    this.#listener.close();
    for (const connection of this.#accepted) connection.reset();
  }
}

/** Reads to the end of a connection, for at most a minute. */
export function drain(connection: Connection): Promise<Received> {
  return bounded(readToEnd(connection), () => `the end of what ${formatAddress(connection.remote)} sends`, 60_000);
}

async function readToEnd(connection: Connection): Promise<Received> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(64 * 1024);
  let bytes = 0;
  const finish = (ending: Ending) => ({ bytes, sha256: hash.digest("hex"), ending });
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return finish("end");
      hash.update(buffer.subarray(0, count));
      bytes += count;
    }
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return finish("reset");
    throw error;
  }
}

/** Connects to `to`, sends nothing, and reads to the end. A reset may arrive during connecting. */
export async function listenTo(to: Address): Promise<Received> {
  try {
    using connection = await connect(to);
    return await drain(connection);
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) {
      return { bytes: 0, sha256: sha256(new Uint8Array()), ending: "reset" };
    }
    throw error;
  }
}

/** Reads exactly `size` bytes. */
export async function readExactly(connection: Connection, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let filled = 0; filled < size;) {
    const read = connection.read(bytes.subarray(filled));
    const count = await bounded(
      read,
      () => `${size - filled} of ${size} bytes from ${formatAddress(connection.remote)}`,
    );
    if (count === null) throw new Error(`The connection ended after ${filled} of ${size} bytes`);
    filled += count;
  }
  return bytes;
}

/**
 * Writes `block` repeatedly until the connection breaks.
 *
 * @param options.until Stops between two writes once it returns true.
 * @param options.onWritten Receives the length of each write.
 * @returns "reset" after a reset, "stopped" after `until`, otherwise the system's error.
 */
export async function flood(
  connection: Connection,
  block: Uint8Array,
  options: { until?: AbortSignal; onWritten?: (bytes: Uint8Array) => void } = {},
): Promise<string> {
  try {
    while (!options.until?.aborted) {
      const count = await connection.write(block);
      options.onWritten?.(block.subarray(0, count));
    }
    return "stopped";
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return "reset";
    return error instanceof Error ? error.name : String(error);
  }
}

/** Writes `bytes` and half-closes. */
export async function writeAndEnd(connection: Connection, bytes: Uint8Array): Promise<void> {
  await writeAll(connection, bytes);
  await connection.closeWrite();
}

/** Bytes that vary with their position, so that a lost, repeated or misplaced range is noticed. */
export function pattern(size: number, seed = 0): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  // A loop: `Uint32Array.from` with a function takes 2 s for 100 MB.
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i + seed, 0x9e3779b1) ^ (i >>> 5);
  return new Uint8Array(words.buffer, 0, size);
}

/** The SHA-256 of `bytes`, in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The SHA-256 of a file, in hex. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  const buffer = new Uint8Array(1 << 20);
  for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
    hash.update(buffer.subarray(0, count));
  }
  return hash.digest("hex");
}
