/**
 * Perfect secrecy by enumeration: over all pads of an association's shares, the distribution on n-1 channels is the same
 * for every message (paper, section III-E).
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { initiate } from "../../src/association/initiate.ts";
import { Chunk } from "../../src/net/chunk.ts";
import type { PadSource } from "../../src/sharing/system_pads.ts";
import { associateLength } from "../../src/wire/associate.ts";
import { Witness } from "../adversary/witness.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { Accepting, channelAddresses } from "../support/handlers/pair.ts";
import { allButOne } from "./watched.ts";

/** The enumerated messages and pads: `length` bytes with `bits` bits each. */
interface Space {
  readonly channels: number;
  readonly bits: number;
  readonly length: number;
}

/** The shares on all channels, for each message and each pad. */
async function enumerate({ channels, bits, length }: Space): Promise<Uint8Array[][][]> {
  let digits = 0;
  const mask = (1 << bits) - 1;
  const pads: PadSource = (into) => {
    for (let i = 0; i < into.length; i++, digits >>>= bits) into[i] = digits & mask;
  };
  const network = new MemoryNetwork(), clock = new FakeClock(), witness = new Witness();
  const addresses = channelAddresses(channels);
  const accepting = new Accepting(network, addresses, { clock });
  const watching = {
    listen: network.listen.bind(network),
    connect: async (...to: Parameters<typeof network.connect>) =>
      witness.watch("client", await network.connect(...to), { association: 0, channel: 0 }),
  };
  const [client, server] = await Promise.all([
    initiate(addresses, { network: watching, clock, pads }),
    accepting.first(),
  ]);
  await accepting.close();
  const drained = server.readable.pipeTo(new WritableStream({ write: (chunk) => chunk.release() }));
  const writer = client.writable.getWriter();
  const messages = 1 << bits * length, padsThereAre = 1 << bits * length * (channels - 1);
  for (let message = 0; message < messages; message++) {
    const bytes = Uint8Array.from({ length }, (_, index) => message >> index * bits & mask);
    for (let pad = 0; pad < padsThereAre; pad++) {
      digits = pad;
      await writer.write(new Chunk(bytes, () => {}));
    }
  }
  await writer.close();
  await drained;
  client.end();
  server.end();
  assertEquals([network.openEnds, clock.pending], [0, 0]);
  const carried = witness.seen.map(({ written }) => written.bytes.subarray(associateLength(channels)));
  return Array.from({ length: messages }, (_, message) =>
    Array.from({ length: padsThereAre }, (_, pad) => {
      const at = (message * padsThereAre + pad) * length;
      return carried.map((share) => share.subarray(at, at + length));
    }));
}

/** Frequency of each value on the observed channels. */
function distribution(carried: readonly Uint8Array[][], seen: readonly number[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const shares of carried) {
    const value = seen.map((index) => shares[index]!.toHex()).join(" ");
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return new Map([...counts].sort(([a], [b]) => a < b ? -1 : 1));
}

for (
  const space of [
    { channels: 2, bits: 7, length: 1 },
    { channels: 2, bits: 2, length: 3 },
    { channels: 3, bits: 4, length: 1 },
    { channels: 3, bits: 2, length: 2 },
    { channels: 4, bits: 3, length: 1 },
    { channels: 4, bits: 1, length: 3 },
    { channels: 5, bits: 2, length: 1 },
    { channels: 5, bits: 1, length: 2 },
  ]
) {
  const { channels, bits, length } = space;
  Deno.test(`${channels - 1} of ${channels} channels reveal nothing of ${length} bytes of ${bits} bits`, async () => {
    const carried = await enumerate(space);
    const values = 1 << bits * length * (channels - 1);
    for (const seen of allButOne(channels)) {
      const first = distribution(carried[0]!, seen);
      assertEquals([first.size, new Set(first.values())], [values, new Set([1])]);
      carried.forEach((one, message) => assertEquals(distribution(one, seen), first, `message ${message}`));
    }
    const all = Array.from({ length: channels }, (_, index) => index);
    assertNotEquals(distribution(carried[0]!, all), distribution(carried[1]!, all), "all channels tell");
  });
}
