import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { limitingChannel, report } from "../../src/bench/report.ts";
import type { BenchResult, ChannelMeasures, Measures } from "../../src/bench/run.ts";

function measures(up: number, down = up): Measures {
  return {
    throughput: { up: up * 1e6, down: down * 1e6 },
    roundTrip: { count: 100, mean: 8_612.3, deviation: 12_000, median: 8_000, p99: 43_000 },
  };
}

function channel(at: number, alone: Measures | null, up: number, down = up): ChannelMeasures {
  return {
    address: { host: `192.0.2.${at}`, port: 6522 },
    greeting: 17_000,
    alone,
    ...alone === null && { fault: `192.0.2.${at}:6523: nothing listens there` },
    waitedFor: { up, down },
  };
}

function result(channels: ChannelMeasures[], micss: Measures, shares: BenchResult["shares"] = "full"): BenchResult {
  return { server: "web", window: 3_000, shares, channels, micss };
}

Deno.test("the channel that MICSS waits for most of the time limits", () => {
  const channels = [channel(1, measures(14.9), 0.97, 0.1), channel(2, measures(9_100), 0, 0)];
  assertEquals([limitingChannel(channels, "up"), limitingChannel(channels, "down")], [0, null]);
  const text = report(result(channels, measures(14.8)));
  assertStringIncludes(text, "Up: channel 1, 192.0.2.1:6522, limits: MICSS waits for it 97.0 % of the time");
  assertStringIncludes(text, "MICSS carries 99.3 % of the slowest channel's own throughput");
});

Deno.test("the table has a column per channel, one for MICSS, and Table I's rows", () => {
  const text = report(result([channel(1, measures(14.9), 1), channel(2, measures(9_100), 0)], measures(14.8)));
  const row = (title: string) => text.split("\n").find((line) => line.startsWith(title))!.split(/ {2,}/).slice(1);
  assertEquals(row("throughput up"), ["14.9", "9,100", "14.8"]);
  assertEquals(row("round trip, mean"), ["8,612", "8,612", "8,612"]);
  assertEquals(row("waited for, up"), ["100 %", "0 %", "-"]);
});

Deno.test("if MICSS is slower than all channels and waits for none, a machine is busy", () => {
  const channels = [channel(1, measures(9_000), 0.1), channel(2, measures(9_100), 0.2)];
  assertStringIncludes(
    report(result(channels, measures(900))),
    "Up: no channel limits, one of the two machines is busy",
  );
  const text = report(result(channels, measures(8_900)));
  assertStringIncludes(text, "Up: no channel limits, the channels are equally fast");
});

Deno.test("a channel that could not be measured alone is named, and so is the limiting one", () => {
  const text = report(result([channel(1, null, 0.9), channel(2, measures(100), 0)], measures(10)));
  assertStringIncludes(text, "Not measured alone: 192.0.2.1:6523: nothing listens there.");
  assertStringIncludes(text, "Up: channel 1, 192.0.2.1:6522, limits: MICSS waits for it 90.0 % of the time.");
  assert(!text.includes("slowest"));
});

Deno.test("with short shares, MICSS is compared with as many times the slowest channel as there are", () => {
  const channels = [channel(1, measures(15), 0.97, 0), channel(2, measures(20), 0, 0), channel(3, measures(20), 0, 0)];
  const text = report(result(channels, measures(44.1), "short"));
  assertStringIncludes(text, "web: 3 channels with short shares, 3 s per measurement");
  assertStringIncludes(
    text,
    "it 97.0 % of the time; MICSS carries 98.0 % of 3 times the slowest channel's own throughput.",
  );
  // The same with full shares would be more than the slowest channel carries.
  assertStringIncludes(
    report(result(channels, measures(20), "short")),
    "Down: no channel limits, one of the two machines",
  );
  assertStringIncludes(report(result(channels, measures(14.7))), "MICSS carries 98.0 % of the slowest channel's own");
});
