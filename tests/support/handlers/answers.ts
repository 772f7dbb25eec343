/** An attacker on the path to a server handler's identification: changes its answers, or sends others. */
import { type Connection, writeAll } from "../../../src/net/connection.ts";
import { type Address, DEFAULT_PORT } from "../../../src/net/address.ts";
import { GREETING_LENGTH } from "../../../src/wire/greeting.ts";
import { IDENTIFY_LENGTH } from "../../../src/wire/identify.ts";
import { Interposer } from "../network/interposer.ts";
import type { Interposed, MemoryNetwork } from "../network/memory_network.ts";
import { readAll } from "./pair.ts";

/** An answer's fields. */
export interface Parts {
  /** Type, method, the list's length. */
  head: Uint8Array;
  list: Uint8Array;
  token: Uint8Array;
}

/** Splits an answer; takes its list's length from its head. */
export function partsOf(answer: Uint8Array): Parts {
  const length = answer[2]! << 8 | answer[3]!;
  return { head: answer.slice(0, 4), list: answer.slice(4, 4 + length), token: answer.slice(4 + length) };
}

/** Joins an answer's fields, with the actual length of its list. */
export function joined({ head, list, token }: Parts): Uint8Array {
  return Uint8Array.from([head[0]!, head[1]!, list.length >> 8, list.length & 255, ...list, ...token]);
}

/**
 * Changes the answer on every connection that asks.
 *
 * @param change Maps the server's bytes after its greeting to those that the client receives.
 * @param then Closes the connection after them, or holds it open.
 */
export function changeAnswers(
  network: MemoryNetwork,
  change: (answer: Uint8Array) => Uint8Array,
  then: "close" | "hold" = "close",
): void {
  interposeAt(network, ({ toClient, toServer }) => {
    (async () => {
      await pass(toServer, toClient, GREETING_LENGTH);
      await pass(toClient, toServer, IDENTIFY_LENGTH);
      const bytes = change(await readAll(toServer));
      toServer.close();
      await writeAll(toClient, bytes);
      if (then === "hold") await gone(toClient);
    })().catch(() => {}).finally(() => [toClient, toServer].forEach((one) => one.close()));
  });
}

/** Interposes on the path to every server handler's channels, and on no other. */
export function interposeAt(network: MemoryNetwork, interpose: (path: Interposed, to: Address) => void): void {
  network.interpose = (path, to) => {
    if (to.port === DEFAULT_PORT) interpose(path, to);
    else new Interposer(path);
  };
}

/** Redirects connections to one address to another. */
export function divert(network: MemoryNetwork, from: Address, to: Address): void {
  interposeAt(network, ({ toClient, toServer }, address) => {
    (async () => {
      let server = toServer;
      if (address.host === from.host) {
        toServer.close();
        const { interpose } = network;
        network.interpose = undefined;
        server = await network.connect(to);
        network.interpose = interpose;
      }
      await Promise.all([pass(server, toClient, Infinity), pass(toClient, server, Infinity)]).catch(() => {});
      [toClient, toServer, server].forEach((one) => one.close());
    })();
  });
}

/** Listens in a server handler's place: sends `greeting`, reads a question, and continues with `speak`. */
export function impersonate(
  network: MemoryNetwork,
  at: Address,
  greeting: Uint8Array,
  speak: (connection: Connection, question: Uint8Array) => Promise<void>,
): Disposable {
  const listener = network.listen(at);
  (async () => {
    for (let one = await listener.accept(); one !== null; one = await listener.accept()) {
      const connection = one;
      (async () => {
        await writeAll(connection, greeting);
        const question = new Uint8Array(IDENTIFY_LENGTH);
        for (let at = 0; at < question.length;) at += await connection.read(question.subarray(at)) ?? Infinity;
        await speak(connection, question);
      })().catch(() => {}).finally(() => connection.close());
    }
  })();
  return { [Symbol.dispose]: () => listener.close() };
}

/** Waits until the other end has closed. */
export async function gone(connection: Connection): Promise<void> {
  const nowhere = new Uint8Array(100);
  while (await connection.read(nowhere) !== null);
}

/** Relays `bytes` bytes, or all of them up to the end. */
async function pass(from: Connection, to: Connection, bytes: number): Promise<void> {
  const buffer = new Uint8Array(1000);
  for (let at = 0; at < bytes;) {
    const length = await from.read(buffer.subarray(0, Math.min(buffer.length, bytes - at)));
    if (length === null) return await to.closeWrite();
    await writeAll(to, buffer.subarray(0, length));
    at += length;
  }
}
