import { MicssError, reasonOf } from "../../errors/errors.ts";
import type { AdminAddress } from "../../config/admin.ts";
import { formatAddress } from "../../net/address.ts";
import { dial } from "../../net/names/dial.ts";
import { Lookups } from "../../net/names/lookups.ts";
import { realSystem } from "../../net/system/system.ts";

/** How long a handler may take to answer, in milliseconds. */
const PATIENCE = 5_000;

/** No handler answers. */
export class NoAnswer extends MicssError {}

/**
 * Asks a handler, at its admin address.
 *
 * In HTTP/1.0, by hand: `fetch` would go to the proxy that the environment names, and reaches UNIX sockets by an unstable
 * way only.
 *
 * @param method POST where it is to do something.
 * @returns The answer's content.
 * @throws {NoAnswer} When none comes, or another than 200.
 */
export async function ask(address: AdminAddress, path: string, method: "GET" | "POST" = "GET"): Promise<string> {
  const host = "path" in address ? "localhost" : formatAddress(address);
  let connection: Stream | undefined;
  const timer = setTimeout(() => connection?.close(), PATIENCE);
  try {
    connection = await connect(address);
    await connection.write(new TextEncoder().encode(`${method} ${path} HTTP/1.0\r\nHost: ${host}\r\n\r\n`));
    const answer = await readAll(connection);
    const [, status, content] = /^HTTP\/1\.[01] (\d+)[^\n]*\n.*?\r\n\r\n(.*)$/s.exec(answer) ?? [];
    if (status === "200" && content !== undefined) return content;
    throw new Error(
      status === undefined ? "what answers is no handler" : `the answer is ${status}: ${content?.trim()}`,
    );
  } catch (error) {
    const expired = error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
    throw new NoAnswer(expired ? `no answer within ${PATIENCE / 1000} s` : reasonOf(error), { cause: error });
  } finally {
    clearTimeout(timer);
    try {
      connection?.close();
    } catch {
      // It is closed already.
    }
  }
}

/** What a connection of either kind can do. */
type Stream = Pick<Deno.Conn, "read" | "write" | "close">;

async function connect(address: AdminAddress): Promise<Stream> {
  if ("path" in address) return await Deno.connect({ transport: "unix", path: address.path });
  return await dial(address, { ...realSystem, lookups: new Lookups(realSystem), timeout: PATIENCE });
}

async function readAll(stream: Stream): Promise<string> {
  const decoder = new TextDecoder(), buffer = new Uint8Array(64 * 1024);
  let text = "";
  for (let length = await stream.read(buffer); length !== null; length = await stream.read(buffer)) {
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
  return text + decoder.decode();
}
