/** The warning of ways that this machine does not have. */
import { assertEquals } from "@std/assert";
import { createLog } from "../../src/log/log.ts";
import { warnOfMissingWays } from "../../src/run/missing_ways.ts";

const OWN = [{ device: "lo", host: "127.0.0.1" }, { device: "eth0", host: "192.0.2.1" }];

function warnings(ways: readonly (string | undefined)[], own = OWN): unknown[] {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => lines.push(JSON.parse(line));
  const channels = ways.map((via) => ({ host: "192.0.2.10", port: 6522, ...via !== undefined && { via } }));
  const log = createLog({ format: "json", write, now: () => new Date(0) });
  warnOfMissingWays(log, [{ name: "web", channels }], own);
  return lines.map(({ level, event, via, devices }) => ({ level, event, via, devices }));
}

Deno.test("one warning names all ways that this machine does not have, and its devices", () => {
  assertEquals(warnings([undefined, "eth0", "192.0.2.1"]), []);
  assertEquals(warnings([undefined, "wlan9", "eth0", "192.0.2.7", "wlan9"]), [
    { level: "warn", event: "way missing", via: "wlan9,192.0.2.7", devices: "lo, eth0" },
  ]);
  assertEquals(warnings(["wlan9"], []), []);
});

Deno.test("a machine with many devices has the first ones named", () => {
  const many = Array.from({ length: 14 }, (_, at) => ({ device: `veth${at}`, host: `192.0.2.${at}` }));
  const first = many.slice(0, 12).map(({ device }) => device).join(", ");
  assertEquals(warnings(["wlan9"], many), [
    { level: "warn", event: "way missing", via: "wlan9", devices: `${first} and 2 more` },
  ]);
});
