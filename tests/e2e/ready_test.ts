/** `/readyz` of a client handler with a redirect but without the right to read rules, with real rules. */
import { assertEquals, assertMatch } from "@std/assert";
import { type Handler, HANDLER_GROUP, startServer } from "../support/handlers/handlers.ts";
import { makeTopology, type Topology } from "../support/system/namespaces.ts";
import { LONG_PATIENCE } from "../support/programs/process.ts";
import { testTogether } from "../support/programs/programs.ts";
import { redirect } from "./paths.ts";
import { startReady } from "./ready.ts";
import { FLAVOURS, mustRules, NEEDS } from "./rules.ts";

function serverOf({ ipv4, far }: Topology): Promise<Handler> {
  return startServer(ipv4.slice(0, 3).map((host) => ({ host, port: 6522 })), "80=127.0.0.1:8080", far);
}

testTogether(NEEDS, "a handler without rights is ready while its file's rules are in place, and no longer", {
  ...Object.fromEntries(FLAVOURS.map((flavour) => [flavour, () => assertFollows(flavour)])),
  async "another program's rules don't make a handler unready, and it reports that it can't see them"() {
    await using topology = await makeTopology();
    const { near } = topology;
    await using _server = await serverOf(topology);
    await redirect(near.within, "ipv4", ["--dport", "80"]);
    await using client = await startReady(near, topology.ipv4.slice(0, 3), "");
    const { ready, missing, unknown } = await client.ask();
    assertEquals([ready, missing, Object.keys(unknown)], [true, {}, ["rules"]]);
    assertMatch(unknown.rules!, /^none of micss rules are in place/);
  },
});

async function assertFollows(flavour: string): Promise<void> {
  await using topology = await makeTopology();
  const { near } = topology;
  await using _server = await serverOf(topology);
  await using client = await startReady(
    near,
    topology.ipv4.slice(0, 3),
    `rules: {exempt-gid: ["${HANDLER_GROUP}"], flavour: ${flavour}}\n`,
  );
  assertEquals(await client.ask(), {
    ready: false,
    missing: { rules: "no connection is redirected here; run micss rules apply" },
    degraded: {},
    unknown: {},
  });
  await client.handler.waitForLog("rules not in place", { reason: /^no connection is redirected/ });
  await mustRules(near, "apply", "--config", client.file);
  await client.handler.waitForLog("rules in place again", {}, LONG_PATIENCE);
  assertEquals(await client.until(true), { ready: true, missing: {}, degraded: {}, unknown: {} });
  await mustRules(near, "remove");
  await client.handler.waitForLog("rules not in place", { reason: /^IPv4 is no longer redirected/ }, LONG_PATIENCE);
  const { missing } = await client.until(false);
  assertEquals(missing, { rules: "IPv4 is no longer redirected here; run micss rules apply" });
}
