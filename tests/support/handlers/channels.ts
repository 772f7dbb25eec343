/** Message bytes through associations, and associations over channels that a test plays. */
import { Association } from "../../../src/association/association.ts";
import type { Sharing } from "../../../src/association/association_options.ts";
import { ChannelReader } from "../../../src/association/channel_reader.ts";
import type { Chunk } from "../../../src/net/chunk.ts";
import type { Connection } from "../../../src/net/connection.ts";
import { concat } from "../../../src/wire/concat.ts";
import { Lender, taken } from "../network/chunks.ts";
import type { MemoryNetwork } from "../network/memory_network.ts";
import type { Random } from "../random/random.ts";
import { channelAddresses } from "./pair.ts";

/** Writes pieces of up to `most` bytes, each of which is overwritten once it was released, and closes. */
export function send(
  association: { readonly writable: WritableStream<Chunk> },
  bytes: Uint8Array,
  random: Random,
  most: number,
): Promise<void> {
  return sendPieces(association, random.cuts(bytes, most), random);
}

/** Writes pieces, each of which is overwritten once it was released, and closes. */
export async function sendPieces(
  { writable }: { readonly writable: WritableStream<Chunk> },
  pieces: Iterable<Uint8Array>,
  random: Random,
): Promise<void> {
  const writer = writable.getWriter(), lender = new Lender();
  for (const piece of pieces) await writer.write(lender.lend(piece, random.below(8)));
  await writer.close();
  if (lender.held > 0) throw new Error(`${lender.held} chunks that have left were not released`);
}

/** Reads to the end. Releases each chunk at once, or after `hold`. */
export async function receive(
  { readable }: { readonly readable: ReadableStream<Chunk> },
  hold: (chunk: Chunk) => Promise<void> = () => Promise.resolve(),
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of readable) {
    if (chunk.bytes.length === 0) throw new Error("an empty chunk");
    await hold(chunk);
    pieces.push(taken(chunk));
  }
  return concat(pieces);
}

/** An association over plain connections, and their other ends. */
export async function raw(
  network: MemoryNetwork,
  channels: number,
  sharing: Sharing = {},
): Promise<{ association: Association; ends: Connection[] }> {
  const addresses = channelAddresses(channels);
  const pairs = await Promise.all(addresses.map(async (address) => {
    const listener = network.listen(address);
    const pair = await Promise.all([network.connect(address), listener.accept()]);
    listener.close();
    return pair;
  }));
  const association = new Association(
    "1",
    pairs.map(([, accepted]) => new ChannelReader(accepted!)),
    addresses,
    sharing,
  );
  return { association, ends: pairs.map(([end]) => end) };
}

/** Like assertEquals, but does not print a megabyte of differences. */
export function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
