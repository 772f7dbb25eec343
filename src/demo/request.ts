import { type Address, formatAddress } from "../net/address.ts";
import { type Connection, type Network, writeAll } from "../net/connection.ts";

/** An answer as received. */
export interface Reply {
  /** Head and body. */
  readonly bytes: Uint8Array;
  /** Offset of the body. */
  readonly bodyStart: number;
}

const BUFFER = 256 * 1024;

/**
 * Sends a plain HTTP request over a plain TCP connection, like any application that is unaware of MICSS. `fetch` would use
 * a proxy named by the environment.
 *
 * @param take Receives each piece of the answer; lent until it returns.
 * @throws Errors of the connection.
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
 * Requests `path`, and waits for the whole of a short answer.
 *
 * @throws {Error} If the status is not 200, and errors of the connection.
 */
export async function get(network: Network, to: Address, path: string): Promise<Reply> {
  const pieces: Uint8Array[] = [];
  await request(network, to, path, (bytes) => pieces.push(bytes.slice()));
  return parseReply(new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer()));
}

/**
 * Splits an answer into head and body.
 *
 * @param bytes The whole answer; kept.
 * @throws {Error} If it is truncated, or its status is not 200.
 */
export function parseReply(bytes: Uint8Array): Reply {
  // One byte per character, so that indices into text and bytes agree.
  const text = new TextDecoder("latin1").decode(bytes);
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) throw new Error(`no complete answer, only ${bytes.length} bytes`);
  const [status = ""] = text.split("\r\n", 1);
  if (!/^HTTP\/1\.[01] 200 /.test(status)) throw new Error(`the answer is "${status}"`);
  const bodyStart = headEnd + 4;
  const length = /^content-length: (\d+)\r$/im.exec(text.slice(0, headEnd + 2))?.[1];
  if (length !== undefined && Number(length) !== bytes.length - bodyStart) {
    throw new Error(`received ${bytes.length - bodyStart} of ${length} bytes`);
  }
  return { bytes, bodyStart };
}
