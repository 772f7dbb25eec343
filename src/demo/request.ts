import { type Address, formatAddress } from "../net/address.ts";
import { type Connection, type Network, writeAll } from "../net/connection.ts";

/** An answer as it came over the connection. */
export interface Reply {
  /** All of it, head and body. */
  readonly bytes: Uint8Array;
  /** Where the body begins. */
  readonly bodyStart: number;
}

const BUFFER = 256 * 1024;

/**
 * Sends a plain HTTP request over a plain TCP connection, as any application does that knows nothing of MICSS.
 *
 * The system's `fetch` is not used because it goes to a proxy where the environment names one.
 *
 * @param take Gets each piece of the answer; lent until it returns.
 * @throws What the connection throws.
 */
export async function request(
  network: Network,
  to: Address,
  path: string,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  const connection: Connection = await network.connect(to);
  try {
    const head = `GET ${path} HTTP/1.1\r\nHost: ${formatAddress(to)}\r\nConnection: close\r\n\r\n`;
    await writeAll(connection, new TextEncoder().encode(head));
    const buffer = new Uint8Array(BUFFER);
    for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
      take(buffer.subarray(0, length));
    }
    connection.close();
  } catch (error) {
    connection.reset();
    throw error;
  }
}

/**
 * Asks for `path`, and waits for all of a short answer.
 *
 * @throws {Error} When the answer is anything but 200, and what the connection throws.
 */
export async function get(network: Network, to: Address, path: string): Promise<Reply> {
  const pieces: Uint8Array[] = [];
  await request(network, to, path, (bytes) => pieces.push(bytes.slice()));
  return parseReply(new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer()));
}

/**
 * Finds head and body.
 *
 * @param bytes All of an answer; kept.
 * @throws {Error} When it is cut short, or anything but 200.
 */
export function parseReply(bytes: Uint8Array): Reply {
  // One byte a character, so that an index into the text is one into the bytes.
  const text = new TextDecoder("latin1").decode(bytes);
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) throw new Error(`no answer came, only ${bytes.length} bytes`);
  const [status = ""] = text.split("\r\n", 1);
  if (!/^HTTP\/1\.[01] 200 /.test(status)) throw new Error(`the answer is "${status}"`);
  const bodyStart = headEnd + 4;
  const length = /^content-length: (\d+)\r$/im.exec(text.slice(0, headEnd + 2))?.[1];
  if (length !== undefined && Number(length) !== bytes.length - bodyStart) {
    throw new Error(`${bytes.length - bodyStart} of ${length} bytes came`);
  }
  return { bytes, bodyStart };
}
