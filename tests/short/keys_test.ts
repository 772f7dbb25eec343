/**
 * The records in which real handlers hand out keys, where shares are short, read back from the bytes on all channels by code
 * that was written from docs/PROTOCOL.md alone.
 */
import { assert, assertEquals } from "@std/assert";
import { joinShortSlowly } from "../../scripts/vectors/dispersal.ts";
import { readFull, writeAll } from "../../src/net/connection.ts";
import { concat } from "../../src/wire/concat.ts";
import { FlowPair, UDP_FORWARD } from "../flows/flow_pair.ts";
import { Interposer } from "../support/network/interposer.ts";
import type { MemoryNetworkOptions } from "../support/network/memory_network.ts";

const GREETING = 22, KEY = 48, HEAD = 35, OFFER = 20, DATAGRAMS = 21;

/** A record: the types of its frames, and its body's length. */
interface Sealed {
  readonly types: readonly number[];
  readonly length: number;
}

/** The records of a direction, from its shares. */
function recordsOf(shares: readonly Uint8Array[]): Sealed[] {
  const message = joinShortSlowly(shares), records: Sealed[] = [];
  for (let at = KEY; at < message.length;) {
    const length = message[at]! << 16 | message[at + 1]! << 8 | message[at + 2]!,
      body = at + HEAD,
      types: number[] = [];
    for (let frame = body; frame < body + length;) {
      types.push(message[frame]!);
      frame += 7 + (message[frame + 5]! << 8 | message[frame + 6]!);
    }
    records.push({ types, length });
    at = body + length;
  }
  return records;
}

/** Handlers with short shares, and the records that either side has sent. */
function handlersWith(channels: number, padding: string) {
  const up = new Map<number, Uint8Array[]>(), down = new Map<number, Uint8Array[]>();
  const tap = (of: Map<number, Uint8Array[]>, host: string) => {
    const pieces: Uint8Array[] = [];
    of.set(Number(host.split(".")[3]), pieces);
    return { change: (piece: Uint8Array) => void pieces.push(piece.slice()) };
  };
  const network: MemoryNetworkOptions = {
    interposes: ({ port }) => port === 6522,
    interpose: (path, { host }) => new Interposer(path, tap(down, host), tap(up, host)),
  };
  const yaml = { channels, server: `padding: ${padding}`, client: `shares: short\npadding: ${padding}` };
  const pair = new FlowPair(yaml, {}, { network }), list = 4 + 16 * channels;
  const records = (of: ReadonlyMap<number, Uint8Array[]>, behind: number) =>
    recordsOf([...of].sort(([a], [b]) => a - b).map(([, pieces]) => concat(pieces).subarray(behind)));
  return { pair, sent: () => records(up, list), received: () => records(down, GREETING + list) };
}

/** The lengths of records with a type of frame, one for each such frame. */
function lengthsWith(type: number, records: readonly Sealed[]): number[] {
  return records.flatMap(({ types, length }) => types.filter((other) => other === type).map(() => length));
}

for (const n of [8, 16]) {
  for (const padding of ["off", "sizes", "beat"]) {
    Deno.test(`${n} channels, short shares, padding ${padding}: records with OFFER and DATAGRAMS are shared byte by byte`, async () => {
      const { pair, sent, received } = handlersWith(n, padding), { handlers } = pair;
      const { application, target } = await handlers.session(), program = pair.application();
      const said = new Uint8Array(30_000).fill(7), [back, there] = [said.slice().fill(0), said.slice().fill(0)];
      program.send("one", UDP_FORWARD);
      await Promise.all([
        writeAll(target, said),
        writeAll(application, said),
        readFull(application, back),
        readFull(target, there),
        handlers.clock.advance(5000),
        pair.flow(),
      ]);
      await pair.flow();
      assertEquals([back, there, pair.target.texts], [said, said, ["one"]]);
      assertEquals(lengthsWith(OFFER, received()).length, n);
      for (const records of [sent(), received()]) {
        assertEquals(lengthsWith(DATAGRAMS, records).length, 1);
        assert(records.some(({ length }) => length > 1024), "some record is large");
        const keys = [OFFER, DATAGRAMS].flatMap((type) => lengthsWith(type, records));
        assert(keys.every((length) => length <= 1024), keys.join());
      }
      await pair.close(application, target);
    });
  }
}
