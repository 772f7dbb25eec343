import { type Align, columns } from "../text/format.ts";
import { formatAddress } from "../net/address.ts";
import type { BenchResult, ChannelMeasures, Measures } from "./run.ts";

/** Minimum fraction of time that MICSS waits for a channel for that channel to be called limiting. */
const LIMITS_FROM = 0.5;

/** Minimum fraction of what equal channels could carry for MICSS to be called as fast as they are. */
const REACHES_FROM = 0.9;

const DIRECTIONS = ["up", "down"] as const;

/** Index of the limiting channel in a direction, from 0; null if MICSS waits for none in particular. */
export function limitingChannel(channels: readonly ChannelMeasures[], direction: "up" | "down"): number | null {
  const parts = channels.map(({ waitedFor }) => waitedFor[direction]);
  const most = Math.max(...parts);
  return most >= LIMITS_FROM ? parts.indexOf(most) : null;
}

/**
 * Throughput of MICSS if every channel carried as much as the slowest one carries alone, in bits per second; null if one was
 * not measured.
 */
function possible({ channels, shares }: BenchResult, direction: "up" | "down"): number | null {
  const all = channels.map(({ alone }) => alone?.throughput[direction]);
  if (!all.every((one) => one !== undefined)) return null;
  return Math.min(...all) * (shares === "short" ? all.length : 1);
}

/** Formats the result: Table I of the paper for these channels, and which of them limits. */
export function report(result: BenchResult): string {
  const { server, channels, window, shares } = result;
  const what = `${channels.length} channels${shares === "short" ? " with short shares" : ""}`;
  const head = `${server}: ${what}, ${window / 1000} s per measurement`;
  const faults = channels.flatMap(({ fault }) => fault === undefined ? [] : [`Not measured alone: ${fault}.`]);
  const limits = DIRECTIONS.map((direction) => sentence(result, direction));
  return [head, "", ...table(result), "", ...faults, ...limits].join("\n") + "\n";
}

function table({ channels, micss }: BenchResult): string[] {
  const ways = [...channels.map(({ alone }) => alone), micss];
  const row = (title: string, value: (measures: Measures) => string): string[] => [
    title,
    ...ways.map((measures) => measures === null ? "-" : value(measures)),
  ];
  const ofChannels = (title: string, value: (channel: ChannelMeasures) => string): string[] => [
    title,
    ...channels.map(value),
    "-",
  ];
  const rows = [
    ["", ...channels.map((_, at) => `channel ${at + 1}`), "MICSS"],
    ["", ...channels.map(({ address }) => formatAddress(address)), `all ${channels.length}`],
    row("throughput up, Mbit/s", ({ throughput }) => megabits(throughput.up)),
    row("throughput down, Mbit/s", ({ throughput }) => megabits(throughput.down)),
    row("round trip, mean, µs", ({ roundTrip }) => whole(roundTrip.mean)),
    row("round trip, std. dev., µs", ({ roundTrip }) => whole(roundTrip.deviation)),
    row("round trip, median, µs", ({ roundTrip }) => whole(roundTrip.median)),
    row("round trip, 99th percentile, µs", ({ roundTrip }) => whole(roundTrip.p99)),
    ofChannels("until the server greets, µs", ({ greeting }) => whole(greeting)),
    ofChannels("waited for, up", ({ waitedFor }) => percent(waitedFor.up)),
    ofChannels("waited for, down", ({ waitedFor }) => percent(waitedFor.down)),
  ];
  const align: Align[] = ["left", ...ways.map((): Align => "right")];
  return columns(rows, align);
}

function sentence(result: BenchResult, direction: "up" | "down"): string {
  const { channels, shares, micss } = result;
  const at = limitingChannel(channels, direction);
  const reached = micss.throughput[direction];
  const most = possible(result, direction), times = shares === "short" ? `${channels.length} times ` : "";
  const of = most === null
    ? ""
    : `; MICSS carries ${percent(reached / most)} of ${times}the slowest channel's own throughput`;
  if (at !== null) {
    const { address, waitedFor } = channels[at]!;
    const part = percent(waitedFor[direction]);
    return `${way(direction)}: channel ${at + 1}, ${formatAddress(address)}, limits: ` +
      `MICSS waits for it ${part} of the time${of}.`;
  }
  const cause = most === null || reached >= REACHES_FROM * most
    ? "the channels are equally fast"
    : "one of the two machines is busy";
  return `${way(direction)}: no channel limits, ${cause}${of}.`;
}

function way(direction: "up" | "down"): string {
  return direction === "up" ? "Up" : "Down";
}

function megabits(bitsPerSecond: number): string {
  const value = bitsPerSecond / 1e6;
  return value < 99.95 ? value.toFixed(1) : whole(value);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function percent(part: number): string {
  return `${(part * 100).toFixed(part >= 0.995 || part < 0.9 ? 0 : 1)} %`;
}
