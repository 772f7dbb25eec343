import { assertEquals } from "@std/assert";
import { hopsOf, offenderOf } from "../../src/net/linux/trace.ts";
import { largestDatagrams } from "../../src/paths/datagrams.ts";
import { sharedBy } from "../../src/paths/shared.ts";
import { report } from "../../src/paths/report.ts";
import type { ChannelPath } from "../../src/paths/path.ts";

const wifi: ChannelPath = {
  ...{ channel: 1, address: "192.0.2.10:6522", host: "192.0.2.10", local: "192.168.1.5", device: "wlan0" },
  ...{ gateway: "192.168.1.1", roundTrip: 12.34, hops: ["192.168.1.1", null, "203.0.113.9", "192.0.2.10"] },
  maxDatagram: 1472,
};
const lte: ChannelPath = {
  ...{ channel: 2, address: "198.51.100.10:6522", host: "198.51.100.10", local: "10.64.0.2", device: "lte0" },
  ...{ gateway: "10.64.0.1", roundTrip: 48, hops: ["10.64.0.1", null, "198.51.100.10"] },
};

Deno.test("channels share devices, gateways and hops, but neither silence nor link-local routers", () => {
  assertEquals(sharedBy([wifi, lte]), []);
  assertEquals(sharedBy([wifi, { ...lte, hops: [null, "203.0.113.9"] }]), [
    { kind: "hop", name: "203.0.113.9", channels: [1, 2] },
  ]);
  assertEquals(sharedBy([wifi, { ...lte, device: "wlan0", gateway: "192.168.1.1", hops: ["192.168.1.1"] }]), [
    { kind: "device", name: "wlan0", channels: [1, 2] },
    { kind: "gateway", name: "192.168.1.1", channels: [1, 2] },
  ]);
  assertEquals(sharedBy([{ ...wifi, gateway: "fe80::1" }, { ...lte, gateway: "fe80::1" }]), []);
});

Deno.test("a report has a line for each channel, and says what they share", () => {
  const { hops: _, gateway: _none, roundTrip: _unknown, ...failed } = lte;
  const channels = [wifi, { ...failed, device: "wlan0", failure: "Connection refused" }];
  assertEquals(
    report({ server: "web", channels, shared: sharedBy(channels) }),
    `web
   CHANNEL             LOCAL        DEVICE  GATEWAY      ROUND TRIP  DATAGRAM  HOPS
1  192.0.2.10:6522     192.168.1.5  wlan0   192.168.1.1     12.3 ms   1,472 B  192.168.1.1 * 203.0.113.9 192.0.2.10
2  198.51.100.10:6522  10.64.0.2    wlan0   none                  -         -  unknown here
channel 2: Connection refused
channels 1 and 2 leave by the same device, wlan0: that is one path
NOT SEPARATE: whoever owns what they share has a share of each.
`,
  );
});

Deno.test("a report gives no verdict while a channel has no path", () => {
  const { hops: _, gateway: _none, roundTrip: _unknown, ...failed } = lte;
  const channels = [wifi, { ...failed, failure: "Network is unreachable" }];
  const lines = report({ server: "web", channels, shared: [] }).split("\n");
  assertEquals(lines.slice(-3), [
    "channel 2: Network is unreachable",
    "Not known whether they are separate: not every channel has a path now.",
    "",
  ]);
});

Deno.test("what fits all channels is what fits the narrowest, less a share's head, and for WireGuard what it adds", () => {
  assertEquals(largestDatagrams([1472, 1452, 1472]), { maxPayload: 1420, wireguardMtu: 1376 });
  assertEquals(largestDatagrams([1472, 1472]), { maxPayload: 1440, wireguardMtu: 1408 });
  assertEquals(largestDatagrams([1424, 1500]), { maxPayload: 1392, wireguardMtu: 1360 });
  assertEquals(largestDatagrams([1423, 1500]), { maxPayload: 1391, wireguardMtu: 1344 });
  // Longer packets are never sent.
  assertEquals(largestDatagrams([65_508, 65_508]), { maxPayload: 8940, wireguardMtu: 8896 });
  assertEquals(largestDatagrams([40, 1472]), { maxPayload: 8, wireguardMtu: 0 });
  assertEquals(largestDatagrams([1472, undefined]), undefined);
});

Deno.test("a report says what fits all channels, before what they share", () => {
  const channels = [wifi, { ...lte, maxDatagram: 1452 }], largest = largestDatagrams([1472, 1452]);
  const lines = report({ server: "web", channels, ...largest, shared: [] }).split("\n");
  assertEquals(lines.slice(-3), [
    "Datagrams of up to 1,420 bytes fit all channels; the MTU of WireGuard through them is 1376.",
    "Separate, as far as this machine can tell.",
    "",
  ]);
});

Deno.test("hops end with the destination, or the last that answered", () => {
  assertEquals(hopsOf(["a", null, "d", "d", null], "d"), ["a", null, "d"]);
  assertEquals(hopsOf(["a", null, "b", null, null], "d"), ["a", null, "b"]);
  assertEquals(hopsOf([null, null], "d"), []);
});

Deno.test("control messages of any content give an address or none", () => {
  // cmsg_len, SOL_IP, IP_RECVERR; ICMP's origin; AF_INET, 192.0.2.1.
  const good = Uint8Array.of(
    ...[48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0],
    ...[113, 0, 0, 0, 2, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[2, 0, 0, 0, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0],
  );
  assertEquals(offenderOf(good), "192.0.2.1");
  for (let length = 0; length < good.length; length++) assertEquals(offenderOf(good.subarray(0, length)), null);
  const local = good.slice();
  local[20] = 1;
  assertEquals(offenderOf(local), null);
  for (let at = 0; at < good.length; at++) {
    for (const byte of [0, 1, 127, 255]) offenderOf(good.with(at, byte));
  }
});
