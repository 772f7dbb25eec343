/** UDP over routers: the path's MTU, which one of them tells, and the device that datagrams leave by. */
import { assertEquals } from "@std/assert";
import { stdFlags } from "../../../scripts/std.ts";
import { Program, run } from "../../support/programs/process.ts";
import { testWith } from "../../support/programs/programs.ts";
import { makeTwoLinks } from "../../support/system/two_links.ts";

testWith(["network namespaces"], "DF is set, a path's MTU is learned, and a device is kept to", async () => {
  await using links = await makeTwoLinks();
  await using programs = new AsyncDisposableStack();
  const command = [
    ...[Deno.execPath(), "run", "-A", ...await stdFlags()],
    new URL("datagrams_program.ts", import.meta.url).pathname,
  ];
  const server = programs.use(Program.start([...command, "server"], { within: links.server.within }));
  await server.waitForLine(/^listening/);
  await links.wifi.ip("link set up0 mtu 1300");
  const { within } = links.client;
  const seen = JSON.parse((await run([...command, "client", "192.0.2.10", "2001:db8:a::10"], { within })).text());
  const all = "Sent,Sent,Sent", one = "Sent,TooLarge,TooLarge";
  assertEquals(seen, {
    short: { answer: "1000 from 192.168.1.5", before: 1472, after: 1472, sent: all },
    short6: { answer: "1000 from 2001:db8:1::5", before: 1452, after: 1452, sent: all },
    // A router refuses what is too long and must not be fragmented; from then on the system does.
    long: { answer: "TooLarge", before: 1472, after: 1272, sent: one },
    long6: { answer: "TooLarge", before: 1452, after: 1252, sent: one },
    device: { answer: "1400 from 10.64.0.2", before: 1472, after: 1472, sent: all },
  });
});
