import { assertEquals, assertThrows } from "@std/assert";
import { deviceOfWay, WrongWay } from "../../src/net/way.ts";

const own = [
  { device: "lo", host: "127.0.0.1" },
  { device: "wlan0", host: "192.168.1.5" },
  { device: "wlan0", host: "2001:db8:1::5" },
  { device: "lte0", host: "10.64.0.2" },
];

Deno.test("a connection's device is that of its local address, if that is its way", () => {
  assertEquals(deviceOfWay("192.168.1.5", "wlan0", own), "wlan0");
  assertEquals(deviceOfWay("192.168.1.5", "192.168.1.5", own), "wlan0");
  assertEquals(deviceOfWay("2001:db8:1::5", "2001:DB8:1:0::5", own), "wlan0");
});

Deno.test("a connection that left by another way is refused, with what would help", () => {
  for (
    const [local, via, message] of [
      [
        "192.168.1.5",
        "lte0",
        "left from 192.168.1.5 (wlan0), not via lte0; give it a route of its own with micss routes apply",
      ],
      [
        "192.168.1.5",
        "10.64.0.2",
        "left from 192.168.1.5 (wlan0), not via 10.64.0.2; give it a route of its own with micss routes apply",
      ],
      ["10.64.0.2", "10.64.0.9", "left from 10.64.0.2 (lte0), not via 10.64.0.9; no device has that address now"],
      ["10.64.0.2", "tun0", "left from 10.64.0.2 (lte0), not via tun0; no such device has an address now"],
      // Gone between the connection and the check.
      ["192.0.2.7", "wlan0", "left from 192.0.2.7, not via wlan0; give it a route of its own with micss routes apply"],
    ] as const
  ) assertThrows(() => deviceOfWay(local, via, own), WrongWay, message);
});
