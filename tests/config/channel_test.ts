import { assertEquals, assertThrows } from "@std/assert";
import { channelSyntax } from "../../src/config/channel.ts";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { UsageError } from "../../src/config/problems.ts";

Deno.test("a channel may name the device or the local address that it leaves by", () => {
  for (
    const [text, host, via] of [
      ["192.0.2.10 via wlan0", "192.0.2.10", "wlan0"],
      ["192.0.2.10:6522  via  10.64.0.2", "192.0.2.10", "10.64.0.2"],
      ["[2001:db8::10] via [2001:DB8:1::5]", "2001:db8::10", "2001:db8:1::5"],
      ["web.example via wg-home.2", "web.example", "wg-home.2"],
    ] as const
  ) {
    const channel = channelSyntax.parse(text);
    assertEquals(channel, { host, port: 6522, via });
    assertEquals(channelSyntax.parse(channelSyntax.format(channel)), channel);
    assertEquals(new RegExp(channelSyntax.schema.pattern as string).test(text), true, text);
  }
});

Deno.test("a way that can't be one is refused", () => {
  for (const text of ["192.0.2.10 via", "192.0.2.10 via a b", "192.0.2.10 via /dev/null", "192.0.2.10 wlan0"]) {
    assertThrows(() => channelSyntax.parse(text), SyntaxError);
  }
  assertThrows(() => channelSyntax.parse("192.0.2.10 via 2001:db8::1"), SyntaxError, "one family");
});

Deno.test("two channels of a server may not share a way", () => {
  const read = (channels: string) =>
    parseClientCommand(["--server", `web=${channels}`, "--socks5", "[::1]:1080"], () => "");
  assertEquals(read("192.0.2.10 via wlan0,192.0.2.11 via lte0").servers[0]!.channels.map(({ via }) => via), [
    "wlan0",
    "lte0",
  ]);
  const error = assertThrows(() => read("192.0.2.10 via wlan0,192.0.2.11 via wlan0"), UsageError);
  assertEquals(/two channels leave via wlan0, and so share one path/.test(error.lines[0]!), true, error.lines[0]);
});
