import { toText } from "@std/streams";
import { MicssError, reasonOf } from "../../errors/errors.ts";
import type { AdminAddress } from "../../config/admin.ts";
import { formatAddress } from "../../net/address.ts";
import { dial } from "../../net/names/dial.ts";
import { Lookups } from "../../net/names/lookups.ts";
import { realSystem } from "../../net/system/system.ts";
import { systemClock } from "../../time/clock.ts";
import { deadline } from "../../time/deadline.ts";

/** Maximum time for a handler's answer, in milliseconds. */
const TIMEOUT = 5_000;

/** A handler did not answer a request, or not with 200. */
export class NoAnswer extends MicssError {}

/**
 * Sends a request to a handler's admin address.
 *
 * HTTP/1.0 by hand: `fetch` would use the environment's proxy, and reaches UNIX sockets by an unstable API only.
 *
 * @param method POST for a request that changes something.
 * @returns The answer's content.
 * @throws {NoAnswer} If none comes in time, or one with a status other than 200.
 */
export async function ask(address: AdminAddress, path: string, method: "GET" | "POST" = "GET"): Promise<string> {
  const host = "path" in address ? "localhost" : formatAddress(address);
  const reason = () => new NoAnswer(`no answer within ${TIMEOUT / 1000} s`);
  using limit = deadline(systemClock, TIMEOUT, { reason });
  let connection: Stream | undefined;
  try {
    connection = await connect(address);
    await limit.race(
      connection.write(new TextEncoder().encode(`${method} ${path} HTTP/1.0\r\nHost: ${host}\r\n\r\n`)),
    );
    const answer = await limit.race(toText(ReadableStream.from(piecesOf(connection))));
    const [, status, content] = /^HTTP\/1\.[01] (\d+)[^\n]*\n.*?\r\n\r\n(.*)$/s.exec(answer) ?? [];
    if (status === undefined) throw new NoAnswer("the answer is not from a handler");
    if (status !== "200" || content === undefined) throw new NoAnswer(`answered ${status}: ${content?.trim()}`);
    return content;
  } catch (error) {
    if (error instanceof NoAnswer) throw error;
    throw new NoAnswer(reasonOf(error), { cause: error });
  } finally {
    connection?.close();
  }
}

/** A connection over TCP or a UNIX socket. */
type Stream = Pick<Deno.Conn, "read" | "write" | "close">;

async function connect(address: AdminAddress): Promise<Stream> {
  if ("path" in address) return await Deno.connect({ transport: "unix", path: address.path });
  return await dial(address, { ...realSystem, lookups: new Lookups(realSystem), timeout: TIMEOUT });
}

/** Pieces of the stream until the other end closes it. */
async function* piecesOf(stream: Stream): AsyncIterable<Uint8Array<ArrayBuffer>> {
  for (;;) {
    const buffer = new Uint8Array(64 * 1024), length = await stream.read(buffer);
    if (length === null) return;
    yield buffer.subarray(0, length);
  }
}
