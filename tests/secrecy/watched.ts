/** Real associations and sessions whose connections are recorded, over an in-memory network. */
import { initiate } from "../../src/association/initiate.ts";
import type { Network } from "../../src/net/connection.ts";
import type { PadSource } from "../../src/sharing/system_pads.ts";
import { associateLength } from "../../src/wire/associate.ts";
import { GREETING_LENGTH } from "../../src/wire/greeting.ts";
import { type Seen, Witness } from "../adversary/witness.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { Accepting, channelAddresses } from "../support/handlers/pair.ts";
import { type SessionPair, sessionsOver } from "../support/handlers/session_pair.ts";

/** Both ends of an association, and its recorded channels. */
export interface Watched extends SessionPair {
  /** The client's ends of the channels. */
  readonly ends: readonly Seen[];
  /** The shares sent on each channel in one direction. */
  shares(direction: "up" | "down"): Uint8Array[];
}

/** Each side's source of pads. */
export interface Sources {
  readonly up: PadSource;
  readonly down: PadSource;
}

/** Associates; the caller ends both ends. @param short True for short shares. */
export async function watchedPair(channels: number, { up, down }: Sources, short = false): Promise<Watched> {
  const network = new MemoryNetwork(), clock = new FakeClock(), witness = new Witness();
  const addresses = channelAddresses(channels);
  const accepting = new Accepting(network, addresses, { clock, pads: down });
  const over: Network = {
    listen: (at) => network.listen(at),
    connect: async (to, signal) => {
      const channel = addresses.findIndex(({ host }) => host === to.host);
      return witness.watch("client", await network.connect(to, signal), { association: 0, channel });
    },
  };
  const [client, server] = await Promise.all([
    initiate(addresses, { network: over, clock, pads: up, short }),
    accepting.first(),
  ]);
  await accepting.close();
  const ends = witness.seen.toSorted((a, b) => a.place.channel - b.place.channel);
  const begin = associateLength(channels);
  return {
    ...sessionsOver({ network, clock, client, server }),
    ends,
    shares: (direction) =>
      ends.map(({ written, read }) =>
        direction === "up" ? written.bytes.subarray(begin) : read.bytes.subarray(GREETING_LENGTH + begin)
      ),
  };
}

/** The XOR of some arrays, truncated to the shortest. */
export function sum(streams: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(Math.min(...streams.map(({ length }) => length)));
  for (const stream of streams) for (let i = 0; i < bytes.length; i++) bytes[i]! ^= stream[i]!;
  return bytes;
}

/** Each choice of all indexes but one. */
export function allButOne(count: number): number[][] {
  const all = Array.from({ length: count }, (_, index) => index);
  return all.map((left) => all.filter((index) => index !== left));
}
