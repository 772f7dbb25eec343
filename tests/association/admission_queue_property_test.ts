/** The admission queue, compared with its rule over random arrivals and departures. */

import { assert, assertEquals } from "@std/assert";
import { AdmissionQueue, type Waiting } from "../../src/association/admission_queue.ts";
import { bytesHost, sourceNetwork } from "../../src/net/ip.ts";
import { bytes, fc, record } from "../support/random/property.ts";

/** The waiters from one source, in order of arrival. */
function from(waiting: readonly Waiting[], host: string): Waiting[] {
  return waiting.filter(({ remoteHost }) => remoteHost === host);
}

/** Checks that `evicted` is the waiter that the rule names for an arrival from `host`. */
function assertEvicted(
  evicted: Waiting | null,
  waiting: readonly Waiting[],
  host: string,
  { total, perSource, association }: { total: number; perSource: number; association: number },
): void {
  const own = from(waiting, host);
  if (own.length >= perSource) return assertEquals(evicted, own[0]);
  if (waiting.length < total) return assertEquals(evicted, null);
  assert(evicted !== null);
  const sizes = waiting.map(({ remoteHost }) => from(waiting, remoteHost).length);
  const most = Math.max(...sizes);
  if (most <= association) return assert(evicted === waiting[0], "the oldest of all");
  const peers = from(waiting, evicted.remoteHost);
  assertEquals(peers.length, most);
  assert(evicted === peers[0], "the oldest of the largest source");
}

Deno.test("under any arrivals and departures, the limits hold, and each arrival evicts the waiter that the rule names", () => {
  const limits = record({
    total: fc.integer({ min: 1, max: 8 }),
    perSource: fc.integer({ min: 1, max: 5 }),
    association: fc.integer({ min: 1, max: 3 }),
  });
  const step = fc.oneof(
    record({ arrival: fc.constantFrom("a", "b", "c", "d") }),
    record({ departure: fc.nat(7) }),
  );
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 40 }), (limits, steps) => {
      const queue = new AdmissionQueue<Waiting>(() => limits);
      let waiting: Waiting[] = [];
      for (const step of steps) {
        let gone: Waiting | null | undefined;
        if ("departure" in step) gone = waiting[step.departure];
        else {
          const waiter: Waiting = { remoteHost: step.arrival };
          gone = queue.add(waiter);
          assertEvicted(gone, waiting, step.arrival, limits);
          waiting.push(waiter);
        }
        if (gone) {
          queue.remove(gone);
          waiting = waiting.filter((waiter) => waiter !== gone);
        }
        assert([...queue].every((waiter, index) => waiter === waiting[index]), "in the order of arrival");
        assertEquals(queue.size, waiting.length);
        assert(queue.size <= limits.total);
        for (const { remoteHost } of waiting) assert(from(waiting, remoteHost).length <= limits.perSource);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("two IPv6 addresses are one source if and only if their first 64 bits agree", () => {
  fc.assert(fc.property(bytes(16, 16), bytes(8, 8), fc.nat(63), (of, host, bit) => {
    of[0]! |= 1; // not IPv4-mapped
    const sibling = of.slice(), other = of.slice();
    sibling.set(host, 8);
    other[bit >> 3]! ^= 0x80 >> (bit & 7);
    other[0]! |= 1;
    fc.pre(other.toHex() !== of.toHex());
    assertEquals(sourceNetwork(bytesHost(sibling)), sourceNetwork(bytesHost(of)));
    assert(sourceNetwork(bytesHost(other)) !== sourceNetwork(bytesHost(of)));
  }));
});
