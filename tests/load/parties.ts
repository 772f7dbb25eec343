/** Applications and a target that generate load: the target echoes, and each application checks its echo. */
import { type Address, formatAddress } from "../../src/net/address.ts";

/** A target that echoes until the application half-closes, and then closes. */
export class EchoTarget implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();

  /** Starts to listen. */
  constructor() {
    this.#accept();
  }

  /** Its listening address. */
  get address(): Address {
    const { hostname: host, port } = this.#listener.addr;
    return { host, port };
  }

  /** Number of connections. */
  get size(): number {
    return this.#open.size;
  }

  /** Closes everything. */
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
        // Idle connections keep small buffers.
        if (length === buffer.length && length < 65_536) buffer = new Uint8Array(65_536);
      }
    } catch {
      // The session was reset, which its application reports.
    } finally {
      if (this.#open.delete(conn)) conn.close();
    }
  }
}

/** An application's connection, which expects all its bytes back. */
export class Application {
  readonly #conn: Deno.TcpConn;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Connects, and waits for a byte's echo, which proves that the session has begun. */
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

  /** Half-closes, waits for the other end, and closes. @throws {Error} If anything but the end arrives. */
  async end(): Promise<void> {
    try {
      await this.#conn.closeWrite();
      const length = await this.#conn.read(new Uint8Array(1));
      if (length !== null) throw new Error("bytes came after all had come");
    } finally {
      this.#conn.close();
    }
  }

  /** Waits until the connection ends by itself, and closes. */
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

/** Runs a whole session: connects, sends `request`, half-closes, and receives it back to the end. */
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

/** Runs an action for 0 to `count` - 1, with `atOnce` of them concurrently. */
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
