import type { Qualities, Server } from "../config/types.ts";
import { type ChannelAddress, formatAddress } from "../net/address.ts";
import { type Measuring, roundTrips, throughput } from "./measure.ts";
import { BenchError, type BenchOptions, messageOf, PATIENCE, resolveServer } from "./run.ts";
import { median } from "./statistics.ts";

/** Number of concurrent connections that measure round trips; an answerer takes 16. */
const ECHOES = 8;

/** Delay of a lost packet's retransmission, at least, in microseconds: below Linux's 200 ms, and above a usual queue. */
const RETRANSMITTED = 150_000;

/** Properties that can be measured. */
export const MEASURABLE = ["loss", "delay", "rate"] as const;

/** Measured properties of a channel: those that were asked for. */
export interface MeasuredQualities extends Pick<Qualities, typeof MEASURABLE[number]> {
  /** Number of round trips behind the loss. */
  readonly roundTrips?: number;
}

/**
 * Measures channels one after the other, each by itself, with the answerer that {@linkcode benchServer} needs, too.
 *
 * @param server The server, with all channels, each of which gets an address of its own.
 * @param missing For each channel, the properties to measure.
 * @throws {BenchError} If a channel can't be measured.
 */
export async function measureChannels(
  server: Server,
  missing: readonly (readonly (typeof MEASURABLE[number])[])[],
  options: BenchOptions,
): Promise<MeasuredQualities[]> {
  if (missing.every(({ length }) => length === 0)) return missing.map(() => ({}));
  const { channels } = await resolveServer(server, options);
  const measured: MeasuredQualities[] = [];
  for (const [at, wanted] of missing.entries()) {
    const to = { ...channels[at]!, port: options.port };
    if (wanted.length > 0) options.progress(`channel ${at + 1}, ${formatAddress(to)}`);
    try {
      measured.push(await measureChannel(to, wanted, { ...options, patience: PATIENCE }));
    } catch (error) {
      const remedy = `start micss bench --answer on the server's host, or estimate the channel's ${wanted.join(", ")}`;
      throw new BenchError(`${formatAddress(to)}: ${messageOf(error)}; ${remedy}`, { cause: error });
    }
  }
  return measured;
}

async function measureChannel(
  to: ChannelAddress,
  wanted: readonly (typeof MEASURABLE[number])[],
  measuring: Measuring,
): Promise<MeasuredQualities> {
  let found: MeasuredQualities = {};
  if (wanted.includes("loss") || wanted.includes("delay")) {
    const echoes = Array.from({ length: ECHOES }, () => roundTrips(to, measuring));
    const samples = (await Promise.all(echoes)).flat();
    if (wanted.includes("loss")) found = { loss: lossOf(samples), roundTrips: samples.length };
    // One way is half of the round trip, and milliseconds have 1,000 microseconds.
    if (wanted.includes("delay")) found = { ...found, delay: median(samples) / 2 / 1000 };
  }
  if (wanted.includes("rate")) {
    const up = await throughput(to, "up", measuring), down = await throughput(to, "down", measuring);
    found = { ...found, rate: Math.min(up, down) };
  }
  return found;
}

/**
 * Estimates the fraction of packets that are lost, equally in both directions: a round trip is two packets, and takes as
 * long as the timer of a retransmission if one of them is lost.
 *
 * @param samples Round trips of single bytes, in microseconds; at least one.
 */
export function lossOf(samples: readonly number[]): number {
  const limit = median(samples) + RETRANSMITTED;
  const slow = samples.filter((sample) => sample > limit).length;
  return 1 - Math.sqrt(1 - slow / samples.length);
}
