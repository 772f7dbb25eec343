import process from "node:process";
import { Opened, Opener } from "../../src/datagrams/opener.ts";
import { PACKET_HEAD_LENGTH, PACKET_OVERHEAD } from "../../src/datagrams/packet.ts";
import { Sealer } from "../../src/datagrams/sealer.ts";
import { TagKey } from "../../src/datagrams/tag.ts";
import { DatagramBatch, type DatagramSocket } from "../../src/net/datagram.ts";
import { ENDPOINT_WORDS, endpointOf } from "../../src/net/endpoint.ts";
import { systemDatagrams } from "../../src/net/system/datagrams.ts";
import { commonGuard } from "../../src/sharing/guarded_pads.ts";
import { padSource } from "../../src/sharing/pads.ts";
import type { Scheme } from "../../src/sharing/scheme.ts";
import { thresholdScheme } from "../../src/sharing/threshold.ts";
import { xor } from "../../src/sharing/xor.ts";
import type { Bench } from "../bench.ts";

const CHANNELS = 3;

/** Datagrams of a call. */
const BATCH = 64;

/** Payloads, in bytes. */
const LENGTHS = [100, 1400];

/** Longest payload that there is room for: that of an MTU of 1,500 over IPv4. */
const MAX_PAYLOAD = 1440;

/** Something that carries a batch of datagrams from its beginning to its end, in one event loop. */
interface Carrier {
  /** Carries {@linkcode BATCH} datagrams. @returns The number that arrived. */
  carry(): number | Promise<number>;
  close?(): void;
}

/**
 * Datagrams in one event loop: sealed, shared, joined and checked in memory; and the same by way of loopback with a socket
 * for each side of three channels, next to relays that send what they have on each channel and take what has come on all:
 * one by the same calls, one with a message for each datagram, as by sendmmsg and recvmmsg alone. Counted in processor time
 * of both sides together, so that other processes matter little.
 */
export async function datagrams(bench: Bench): Promise<void> {
  const pads = commonGuard(padSource("auto"));
  const systems: readonly [name: string, make: (length: number) => Carrier][] = [
    ["MICSS in memory", (length) => inMemory(sealing(length, xor, CHANNELS, pads))],
    ["MICSS in memory, 2 of 3", (length) => inMemory(sealing(length, thresholdScheme(2), 2, pads))],
    ["relay", (length) => overLoopback(relaying(length))],
    ["relay, a message each", (length) => overLoopback(relaying(length), true)],
    ["MICSS", (length) => overLoopback(sealing(length, xor, CHANNELS, pads))],
    ["MICSS, 2 of 3", (length) => overLoopback(sealing(length, thresholdScheme(2), 2, pads))],
  ];
  for (let round = 0; round < bench.rounds; round++) {
    for (const length of LENGTHS) {
      for (const [name, make] of systems) {
        bench.progress(`round ${round + 1}, ${name}, ${length} bytes`);
        const carrier = make(length), rate = await measure(carrier, bench.seconds);
        carrier.close?.();
        bench.results.add("datagrams", name, { bytes: length }, "datagrams", "1/s of a processor", rate);
      }
    }
  }
}

/** Datagrams that arrive in a second of processor time. */
async function measure(carrier: Carrier, seconds: number): Promise<number> {
  for (let batch = 0; batch < 100; batch++) await carrier.carry();
  const before = process.cpuUsage(), end = performance.now() + seconds * 1000;
  let arrived = 0;
  while (performance.now() < end) arrived += await carrier.carry();
  const { user, system } = process.cpuUsage(before);
  return arrived / (user + system) * 1e6;
}

/** One side makes packets, the other one takes them. */
interface Direction {
  readonly packetSize: number;
  /** Fills a batch for each channel. */
  make(batches: readonly DatagramBatch[]): number;
  /** Takes a packet. @returns True if a datagram is there. */
  take(channel: number, batch: DatagramBatch, index: number, now: number): boolean;
}

function sealing(length: number, scheme: Scheme, threshold: number, pads: (into: Uint8Array) => void): Direction {
  const key = new TagKey(crypto.getRandomValues(new Uint8Array(16))), payload = new Uint8Array(length);
  const handles = Array.from({ length: CHANNELS }, () => crypto.getRandomValues(new Uint8Array(8)));
  const sealer = new Sealer({ key, scheme, pads, handles, maxPayload: MAX_PAYLOAD, capacity: BATCH });
  const opener = new Opener({ key, scheme, channels: CHANNELS, threshold, maxPayload: MAX_PAYLOAD });
  return {
    packetSize: sealer.packetSize,
    make(batches) {
      while (!sealer.isFull) sealer.add(1, payload);
      return sealer.flush(batches);
    },
    take: (channel, batch, index, now) =>
      opener.open(channel, batch.bytes(index), batch.remotes, index * ENDPOINT_WORDS, now) === Opened.Datagram,
  };
}

function relaying(length: number): Direction {
  const payload = new Uint8Array(length), size = length + PACKET_OVERHEAD;
  return {
    packetSize: MAX_PAYLOAD + PACKET_OVERHEAD,
    make(batches) {
      for (const batch of batches) {
        for (let index = 0; index < BATCH; index++) {
          batch.slot(index).set(payload, PACKET_HEAD_LENGTH);
          batch.lengths[index] = size;
        }
      }
      return BATCH;
    },
    take: (channel, batch, index) => batch.bytes(index).length === size && channel === CHANNELS - 1,
  };
}

function batchesOf({ packetSize }: Direction): DatagramBatch[] {
  return Array.from({ length: CHANNELS }, () => new DatagramBatch(BATCH, packetSize));
}

function inMemory(direction: Direction): Carrier {
  const batches = batchesOf(direction);
  return {
    carry() {
      const count = direction.make(batches), now = performance.now();
      let arrived = 0;
      for (const [channel, batch] of batches.entries()) {
        for (let index = 0; index < count; index++) if (direction.take(channel, batch, index, now)) arrived++;
      }
      return arrived;
    },
  };
}

/** @param apart Gives datagrams in a row different classes, so that each is a message of its own. */
function overLoopback(direction: Direction, apart = false): Carrier {
  const bind = (): DatagramSocket => systemDatagrams.bind({ host: "127.0.0.1", port: 0 });
  const out = batchesOf(direction), into = batchesOf(direction), near = out.map(bind), far = out.map(bind);
  for (const [channel, { remotes, classes }] of out.entries()) {
    const to = endpointOf(far[channel]!.address);
    for (let index = 0; index < BATCH; index++) {
      remotes.set(to, index * ENDPOINT_WORDS);
      classes[index] = apart ? index % 2 : 0;
    }
  }
  return {
    async carry() {
      const count = direction.make(out);
      let arrived = 0;
      for (const [channel, socket] of near.entries()) {
        for (let left = socket.send(out[channel]!, count); left > 0;) {
          const batch = into[channel]!, received = await far[channel]!.receive(batch);
          const now = performance.now();
          for (let index = 0; index < received; index++) if (direction.take(channel, batch, index, now)) arrived++;
          left -= received;
        }
      }
      return arrived;
    },
    close() {
      for (const socket of [...near, ...far]) socket.close();
    },
  };
}
