/** The directions of docs/vectors.json, given to the receiver that they are for (docs/PROTOCOL.md 4 to 6). */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import vectors from "../../docs/vectors.json" with { type: "json" };
import { TYPES } from "../../scripts/vectors/frames.ts";
import { fromShortHex } from "../../scripts/vectors/vector.ts";
import { Chunk } from "../../src/net/chunk.ts";
import { CreditBudget } from "../../src/streams/credit_budget.ts";
import { Multiplexer } from "../../src/streams/multiplexer.ts";
import type { Stream } from "../../src/streams/stream.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { associatedPair } from "../support/handlers/pair.ts";
import { settle } from "../support/time/fake_clock.ts";

/** Events of the streams that a receiver noticed: `OPEN 1`, `DATA 1 216f`, `END 1` and so on. */
type Events = string[];

interface Received {
  readonly events: Events;
  /** The error that aborted the association; null if it lives. */
  readonly fault: Error | null;
}

/**
 * Gives a direction to its receiver in pieces.
 *
 * @param opened On a client: number of streams that it has opened before.
 */
async function receive(from: string, opened: number, pieces: Uint8Array[]): Promise<Received> {
  const pair = await associatedPair(2), events: Events = [];
  const [sender, receiver] = from === "client" ? [pair.client, pair.server] : [pair.server, pair.client];
  const receiverOf = (number: number) => ({
    answered: () => void events.push(`RESULT ${number}`),
    data: (bytes: Uint8Array) => void events.push(`DATA ${number} ${bytes.toHex()}`),
    ended: () => void events.push(`END ${number}`),
    failed: () => void events.push(`FAILED ${number}`),
  });
  const multiplexer = new Multiplexer(receiver, {
    clock: pair.clock,
    budget: new CreditBudget(),
    maxCredit: () => 65_536,
    counters: { refusedRecords: 0, creditWaits: 0, padding: 0 },
    workers: null,
    ...(from === "client" && {
      opened(stream: Stream) {
        events.push(`OPEN ${stream.number}`);
        stream.receiver = receiverOf(stream.number);
      },
      maxStreams: () => 128,
    }),
  });
  for (let number = 1; number <= opened; number++) {
    multiplexer.open({ destination: { kind: "port", port: 80 } }, receiverOf(number));
  }
  const writer = sender.writable.getWriter();
  for (const piece of pieces) {
    await Promise.race([writer.write(new Chunk(piece, () => {})).catch(() => {}), receiver.over]);
    await settle();
  }
  const { fault } = receiver;
  // Streams that fail now fail with the association.
  const received = { events: [...events], fault };
  receiver.abort();
  sender.abort();
  await settle();
  return received;
}

for (const { name, from, key, records, ...rest } of vectors.direction) {
  Deno.test(`direction vector: ${name}`, async () => {
    const opened = "opened" in rest ? Number(rest.opened) : 0;
    const { events, fault } = await receive(from, opened, [
      Uint8Array.fromHex(key),
      ...records.map(({ bytes }) => fromShortHex(bytes)),
    ]);
    assertEquals(fault, null);
    const over = new Set<number>();
    const expected = records.flatMap(({ frames }) => frames).flatMap((frame) => {
      const { type, stream, body } = frame, content = fromShortHex(body);
      if (over.has(stream) || "ignored" in frame) return [];
      if (type === "OPEN" || type === "END") return [`${type} ${stream}`];
      if (type === "DATA") return [`DATA ${stream} ${content.toHex()}`];
      const isReset = type === "RESET" && ResetCode[content[0]!] !== undefined;
      const isRefusal = type === "RESULT" && content[0] !== ResultCode.Ok;
      if (isReset || isRefusal) return [`FAILED ${stream}`];
      if (type === "RESULT") return [`RESULT ${stream}`];
      const above = Array.from({ length: opened }, (_, index) => index + 1).slice(content[3]);
      return type === "BYE" ? above.map((number) => `FAILED ${number}`) : [];
    });
    assertEquals(events, expected);
  });
}

for (const { name, from, taken, refusedAt, bytes, ...rest } of vectors.invalidDirection) {
  Deno.test(`invalid direction vector, streams: ${name}`, async () => {
    const opened = "opened" in rest ? Number(rest.opened) : 0, all = fromShortHex(bytes);
    const early = await receive(from, opened, [all.subarray(0, refusedAt - 1)]);
    assertEquals(early.fault, null);
    assertEquals(early.events.length > 0, taken > 0);
    for (const pieces of [[all], [all.subarray(0, refusedAt - 1), all.subarray(refusedAt - 1, refusedAt)]]) {
      const { fault } = await receive(from, opened, pieces);
      assertInstanceOf(fault, WireError);
    }
  });
}

Deno.test("the directions have every type of frame, each from all sides that send it", () => {
  const sent = (side: string) =>
    new Set(
      vectors.direction.filter(({ from }) => from === side).flatMap(({ records }) =>
        records.flatMap(({ frames }) => frames.map(({ type }) => type))
      ),
    );
  const client = sent("client"), server = sent("server");
  const both = [...client].filter((type) => server.has(type));
  // Authentication needs keys: the groups `frame` and `proof` have its frames.
  const types = Object.entries(TYPES).filter(([name, number]) => number < TYPES.HELLO || name === "PAD").map(([name]) =>
    name
  );
  assertEquals([...client.union(server)].toSorted(), types.toSorted());
  assertEquals([...client].filter((type) => !server.has(type)), ["OPEN"]);
  assertEquals([...server].filter((type) => !client.has(type)).toSorted(), ["BYE", "RESULT", "STREAMS"]);
  assert(both.length === 9);
});
