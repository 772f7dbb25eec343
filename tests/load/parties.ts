/** Applications and a target that make load: the target echoes, and each application checks its echo. */
import { type Address, formatAddress } from "../../src/net/address.ts";

/** A target that sends back what it gets, until the application half-closes; then it closes. */
export class EchoTarget implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();

  /** Starts to listen. */
  constructor() {
    this.#accept();
  }

  /** Where it listens. */
  get address(): Address {
    const { hostname: host, port } = this.#listener.addr;
    return { host, port };
  }

  /** How many connections it has. */
  get size(): number {
    return this.#open.size;
  }

  /** Closes all. */
  [Symbol.dispose](): void {
    this.#listener.close();
    for (const conn of this.#open) conn.close();
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) this.#echo(conn);
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted)) throw error;
    }
  }

  async #echo(conn: Deno.TcpConn): Promise<void> {
    this.#open.add(conn);
    conn.setNoDelay(true);
    try {
      let buffer = new Uint8Array(256);
      for (let length = await conn.read(buffer); length !== null; length = await conn.read(buffer)) {
        await writeAll(conn, buffer.subarray(0, length));
        // Idle ones stay small.
        if (length === buffer.length && length < 65_536) buffer = new Uint8Array(65_536);
      }
    } catch {
      // The session was reset: its application knows and tells.
    } finally {
      if (this.#open.delete(conn)) conn.close();
    }
  }
}

/** An application's connection, whose bytes must all come back. */
export class Application {
  readonly #conn: Deno.TcpConn;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Connects, and sees by a byte that comes back that the session has begun. */
  static async begin({ host, port }: Address): Promise<Application> {
    const conn = await Deno.connect({ hostname: host, port });
    conn.setNoDelay(true);
    const application = new Application(conn);
    await application.round(Uint8Array.of(1));
    return application;
  }

  /**
   * Sends bytes and waits until they have come back.
   *
   * @throws {Error} When others come, or an end.
   */
  async round(bytes: Uint8Array): Promise<void> {
    const [back] = await Promise.all([this.#read(bytes.length), writeAll(this.#conn, bytes)]);
    if (back.some((byte, at) => byte !== bytes[at])) throw new Error("other bytes came back");
  }

  /** Half-closes, waits for the other end's end, and closes. @throws {Error} When something else comes. */
  async end(): Promise<void> {
    try {
      await this.#conn.closeWrite();
      const length = await this.#conn.read(new Uint8Array(1));
      if (length !== null) throw new Error("bytes came after all had come");
    } finally {
      this.#conn.close();
    }
  }

  /** Waits for how it ends by itself, and closes. */
  async broken(): Promise<"reset" | "end"> {
    try {
      await this.#conn.read(new Uint8Array(1));
      return "end";
    } catch {
      return "reset";
    } finally {
      this.#conn.close();
    }
  }

  async #read(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const count = await this.#conn.read(bytes.subarray(at));
      if (count === null) throw new Error(`the session ended after ${at} of ${length} bytes`);
      at += count;
    }
    return bytes;
  }
}

/** A whole session: connects, sends `request`, half-closes, and gets it back up to the end. */
export async function shortSession(to: Address, request: Uint8Array): Promise<void> {
  const conn = await Deno.connect({ hostname: to.host, port: to.port });
  try {
    await writeAll(conn, request);
    await conn.closeWrite();
    const back = new Uint8Array(request.length + 1);
    let at = 0;
    for (let count = await conn.read(back); count !== null; count = await conn.read(back.subarray(at))) at += count;
    if (at !== request.length || request.some((byte, index) => byte !== back[index])) {
      throw new Error(`${at} bytes of ${request.length} came back at ${formatAddress(to)}`);
    }
  } finally {
    conn.close();
  }
}

/** Runs an action for each of 0 to `count` - 1, `atOnce` at a time, the next as soon as one is done. */
export async function inParallel(
  count: number,
  atOnce: number,
  action: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < count) await action(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, work));
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
