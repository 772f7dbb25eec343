import { assert, assertEquals } from "@std/assert";
import { takeBatch } from "../../src/net/batch_pool.ts";
import { DatagramBatch, type DatagramSocket, SendOutcome } from "../../src/net/datagram.ts";
import { DatagramWriter } from "../../src/net/datagram_writer.ts";
import { ENDPOINT_WORDS, endpointOf } from "../../src/net/endpoint.ts";
import { fc } from "../support/random/property.ts";

interface Written {
  readonly text: string;
  readonly to: string;
  readonly from: string;
  readonly trafficClass: number;
}

const A = endpointOf({ host: "192.0.2.1", port: 1 }), B = endpointOf({ host: "2001:db8::1", port: 2 });
const NOBODY = new Uint32Array(ENDPOINT_WORDS);

/** A socket that notes each call's datagrams, and blocks the last ones of each. */
function recorder(blocked = 0) {
  const calls: Written[][] = [];
  const socket = {
    send(batch: DatagramBatch, count: number): number {
      const at = (index: number) => index * ENDPOINT_WORDS;
      calls.push(Array.from({ length: count }, (_, index) => ({
        text: new TextDecoder().decode(batch.bytes(index)),
        to: batch.remotes.slice(at(index), at(index + 1)).join(),
        from: batch.locals.slice(at(index), at(index + 1)).join(),
        trafficClass: batch.classes[index]!,
      })));
      const sent = Math.max(0, count - blocked);
      batch.outcomes.fill(SendOutcome.Sent, 0, sent).fill(SendOutcome.Blocked, sent, count);
      return sent;
    },
  };
  const counts = { tooLarge: 0, blocked: 0, unsent: 0 };
  return {
    calls,
    counts,
    writer: (size: number) => new DatagramWriter(socket as unknown as DatagramSocket, size, counts),
  };
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("a turn's datagrams leave in one call, in order, each to and from its addresses and with its class", async () => {
  const made = recorder(), { calls } = made, writer = made.writer(100);
  writer.add(A, B, [bytes("one"), bytes(" and"), bytes(" two")], 1);
  writer.add(B, null, [], 2);
  assertEquals(calls, []);
  await null;
  const first = { text: "one and two", to: A.join(), from: B.join(), trafficClass: 1 };
  assertEquals(calls, [[first, { text: "", to: B.join(), from: NOBODY.join(), trafficClass: 2 }]]);
  // The source of the datagram that was in this place before is not that of the next one.
  writer.add(A, null, [bytes("three")], 0);
  await null;
  assertEquals(calls[1], [{ text: "three", to: A.join(), from: NOBODY.join(), trafficClass: 0 }]);
});

Deno.test("a datagram that is too long is lost alone, and what the system does not take is counted", async () => {
  const made = recorder(1), { calls, counts } = made, writer = made.writer(4);
  assertEquals([writer.add(A, null, [bytes("abc"), bytes("de")], 0), counts.tooLarge], [false, 1]);
  await null;
  assertEquals(calls, [], "nothing waits");
  assert(writer.add(A, null, [bytes("abcd")], 0));
  assertEquals(writer.add(A, null, [bytes("abcde")], 0), false);
  assert(writer.add(A, null, [bytes("e")], 0));
  await null;
  assertEquals([calls[0]!.map(({ text }) => text), counts], [["abcd", "e"], { tooLarge: 2, blocked: 1, unsent: 0 }]);
});

Deno.test("writers that take turns, and fill more than a batch, mix up nothing", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.nat(2), fc.nat(70)), { maxLength: 12 }), async (turns) => {
    const all = Array.from({ length: 3 }, () => recorder());
    const writers = all.map(({ writer }) => writer(50)), expected: string[][] = [[], [], []];
    for (const [which, count] of turns) {
      for (let index = 0; index < count; index++) {
        const text = `${which} ${expected[which]!.length}`;
        expected[which]!.push(text);
        writers[which]!.add(A, null, [bytes(text)], 0);
      }
      if (count % 2 === 0) await null;
    }
    await null;
    assertEquals(all.map(({ calls }) => calls.flat().map(({ text }) => text)), expected);
    assert(all.every(({ calls }) => calls.every(({ length }) => length <= 32)));
  }));
});

Deno.test("of many writers with something to send, those that wait longest send at once, so that there are eight batches", async () => {
  const made = Array.from({ length: 20 }, () => recorder()), writers = made.map(({ writer }) => writer(77));
  for (const writer of writers) for (const text of ["a", "b"]) writer.add(A, null, [bytes(text)], 0);
  const texts = () => made.map(({ calls }) => calls.map((call) => call.map(({ text }) => text).join("")).join(" "));
  assertEquals(texts(), [...Array(12).fill("ab"), ...Array(8).fill("")]);
  writers[0]!.add(A, null, [bytes("c")], 0);
  await null;
  assertEquals(texts(), ["ab c", ...Array(19).fill("ab")]);
  const kept = Array.from({ length: 9 }, () => takeBatch(32, 77));
  assertEquals(kept.map(({ lengths }) => lengths[0]! > 0), [...Array(8).fill(true), false]);
});

Deno.test("batches of no more than sixteen kinds are kept", async () => {
  const { writer } = recorder();
  for (let size = 100; size < 130; size++) {
    writer(size).add(A, null, [bytes("x")], 0);
    await null;
  }
  const known = Array.from({ length: 30 }, (_, index) => takeBatch(32, 100 + index).lengths[0]! > 0);
  assert(known.filter((one) => one).length <= 16, `${known}`);
});
