/** The setting `shares` between both handlers: what it makes, what shows it, and when a reload takes effect. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseConfig } from "../../src/config/load.ts";
import { clientSpec } from "../../src/config/client.ts";
import type { Connection } from "../../src/net/connection.ts";
import { collect } from "../../src/observe/collect.ts";
import type { Observable } from "../../src/observe/observable.ts";
import { handlerStatus } from "../../src/observe/status.ts";
import { FORWARD, Handlers, lineOf } from "../support/handlers/handlers_in_memory.ts";
import "../support/system/native.ts";
import { readAll, sendAll } from "../support/handlers/pair.ts";
import { Random } from "../support/random/random.ts";
import { settle } from "../support/time/fake_clock.ts";

const SHORT = "shares: short";

/** The client's file after a reload. @param server Further settings of the server. */
function configOf(server: string, yaml: string) {
  return parseConfig("", clientSpec, ["--config", "c"], () => `
servers: {web: {channels: [192.0.2.1, 192.0.2.2, 192.0.2.3], ports: [80, 443]${server}}}
forward: ["127.0.0.1:8080=web:80", "127.0.0.1:8081=web:81", "127.0.0.1:8082=web:82"]
redirect: ["127.0.0.1:6533"]
warm: 0
${yaml}`);
}

/** The shares of a handler's associations, the oldest first. */
function sharesOf(handler: Observable): string[] {
  return [...handler.activity.associations.keys()].map(({ shares }) => shares);
}

/** The number of associations with each length of shares, by the metric. */
function counted(handler: Observable): Record<string, number> {
  const metric = collect(handler, { version: "1", loopLag: 0 }).find(({ name }) =>
    name === "micss_association_shares"
  )!;
  assert(metric.type === "gauge");
  return Object.fromEntries(metric.samples.map(({ labels, value }) => [labels!["shares"], value]));
}

/** Lengths of the messages up and down, many records each. */
const UP = 200_000, DOWN = 900_000;

/** Sends messages of such lengths to the ends of both directions. */
async function exchange(
  { application, target }: { application: Connection; target: Connection },
  [upward, downward] = [UP, DOWN],
): Promise<void> {
  const up = new Random(1).bytes(upward), down = new Random(2).bytes(downward);
  const [there, here] = await Promise.all([
    readAll(target),
    readAll(application),
    sendAll(application, up),
    sendAll(target, down),
  ]);
  assert(Uint8Array.prototype.every.call(there, (byte, at) => byte === up[at]) && there.length === up.length);
  assert(Uint8Array.prototype.every.call(here, (byte, at) => byte === down[at]) && here.length === down.length);
}

Deno.test("logs, status and metrics of both handlers show short shares, and each channel carries its part", async () => {
  const handlers = new Handlers({}, { client: SHORT }), { client, server } = handlers;
  const session = await handlers.session();
  await exchange(session);
  await settle();
  for (const [handler, lines] of [[client, handlers.clientLines], [server, handlers.serverLines]] as const) {
    assertEquals(lineOf(lines, "association")["shares"], "short");
    assertEquals(counted(handler), { full: 0, short: 1 });
    const [association] = handlerStatus(handler, []).associations;
    const { shares, sent, received } = association!;
    const [up, down] = handler === client ? [sent, received] : [received, sent];
    assertEquals(shares, "short");
    // A third each, and heads, keys and small records.
    for (const part of [up / UP, down / DOWN]) assert(part > 1 / 3 && part < 0.36, `${part}`);
    // The association's bytes are those of each channel; the session's are all.
    const ended = lineOf(lines, "session ended");
    assertEquals([ended["bytes-up"], ended["bytes-down"]], [UP, DOWN]);
  }
  await handlers.close(session.application, session.target);
});

Deno.test("full shares are shown, too, and with a threshold there are no others", async () => {
  for (const threshold of ["", "threshold: 2"]) {
    const handlers = new Handlers({}, { server: threshold, client: threshold });
    const { application, target } = await handlers.session();
    for (const handler of [handlers.client, handlers.server]) {
      assertEquals([counted(handler), sharesOf(handler)], [{ full: 1, short: 0 }, ["full"]]);
    }
    await handlers.close(application, target);
  }
});

Deno.test("with per-session associations, each has short shares", async () => {
  const handlers = new Handlers({}, { client: `${SHORT}\nassociations: per-session` });
  const [one, two] = [await handlers.session(), await handlers.session()];
  await Promise.all([exchange(one), exchange(two)]);
  assertEquals([sharesOf(handlers.client), sharesOf(handlers.server)], [["short", "short"], ["short", "short"]]);
  await handlers.close(one.application, one.target, two.application, two.target);
});

Deno.test("after a reload, new sessions have the new shares, and those under way go on with theirs", async () => {
  const handlers = new Handlers(), { client } = handlers;
  const old = await handlers.session();
  const steps = [["", SHORT, "short"], [", shares: full", SHORT, "full"], [", shares: short", "", "short"]] as const;
  for (const [server, yaml, expected] of steps) {
    assertEquals(client.reload(configOf(server, yaml)), []);
    const before = new Set(client.activity.associations.keys());
    const { application, target } = await handlers.session();
    const [carrier] = [...client.activity.sessions].slice(-1).map(({ association }) => association);
    assertEquals(carrier!.shares, expected);
    // The first association is still there for full shares, and the second for short ones.
    assertEquals(before.has(carrier!), expected === "full" || before.size > 1);
    // Not a large flow, for which others make room.
    await exchange({ application, target }, [2000, 5000]);
    application.close();
    target.close();
    await settle();
  }
  await exchange(old);
  assertEquals(sharesOf(client), ["full", "short"]);
  await handlers.close(old.application, old.target);
});

Deno.test("a server with a threshold refuses short shares, and the client's line says what to do", async () => {
  const handlers = new Handlers({}, { server: "threshold: 2", client: SHORT });
  const application = await handlers.network.connect(FORWARD);
  await handlers.clock.advance(10_000);
  const { reason, hint } = lineOf(handlers.clientLines, "session refused");
  assertMatch(`${reason}`, /refused: the server handler does not support these shares or this threshold$/);
  assertMatch(`${hint}`, /^upgrade that server handler .* and give it no threshold; or give shares: full/);
  await handlers.close(application);
});
