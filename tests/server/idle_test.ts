/** Associations without a session, which strangers that reach all channels can make in any number. */
import { assertEquals } from "@std/assert";
import type { Association } from "../../src/association/association.ts";
import { initiate } from "../../src/association/initiate.ts";
import { settle } from "../support/time/fake_clock.ts";
import { Handlers } from "../support/handlers/handlers_in_memory.ts";
import { channelAddresses, readAll, sendAll } from "../support/handlers/pair.ts";
import "../support/system/native.ts";

const LIMITS = { server: "limits: {associations: 8}" };

/** An association that sends nothing. */
interface Stranger {
  readonly association: Association;
  /** Set once the server has closed it. */
  over: boolean;
}

/** Associates from an address. */
async function associate({ network, clock }: Handlers, source: string): Promise<Stranger> {
  network.source = source;
  const association = await initiate(channelAddresses(3), { network, clock });
  const stranger = { association, over: false };
  association.readable.pipeTo(new WritableStream()).catch(() => {}).finally(() => stranger.over = true);
  await settle();
  return stranger;
}

/** Runs a complete session of the client handler. */
async function assertServed(handlers: Handlers): Promise<void> {
  handlers.network.source = "198.18.0.99";
  const { application, target } = await handlers.session();
  await Promise.all([sendAll(application, new Uint8Array(10)), sendAll(target, new Uint8Array(20))]);
  assertEquals([(await readAll(target)).length, (await readAll(application)).length], [10, 20]);
  for (const end of [application, target]) end.close();
  await settle();
}

Deno.test("one source keeps at most a quarter of the associations without a session: its oldest are evicted", async () => {
  const handlers = new Handlers({}, LIMITS);
  const strangers: Stranger[] = [];
  for (let count = 0; count < 20; count++) strangers.push(await associate(handlers, "203.0.113.1"));
  assertEquals(handlers.server.associations, 2);
  await settle();
  assertEquals(strangers.map(({ over }) => over), strangers.map((_, index) => index < 18));
  await assertServed(handlers);
  assertEquals(handlers.server.activity.limitHits.of("idle-per-source"), 18);
  for (const { association } of strangers) association.end();
  await handlers.close();
});

Deno.test("at the limit, an association without a session is evicted, of the source with the most", async () => {
  const handlers = new Handlers({}, LIMITS);
  const others: Stranger[] = [];
  for (let host = 1; host <= 6; host++) others.push(await associate(handlers, `203.0.113.${host}`));
  const crowd = [await associate(handlers, "192.0.2.77"), await associate(handlers, "192.0.2.77")];
  await assertServed(handlers);
  assertEquals([...others, ...crowd].map(({ over }) => over), [...others.map(() => false), true, false]);
  assertEquals(handlers.server.associations, 8);
  for (const { association } of [...others, ...crowd]) association.end();
  await handlers.close();
});

Deno.test("associations with a session are never evicted; the limit is logged instead", async () => {
  const handlers = new Handlers({}, { server: "limits: {associations: 2}", client: "associations: per-session" });
  const sessions = [await handlers.session(), await handlers.session()];
  const refused = await initiate(channelAddresses(3), handlers).catch(({ message }) => message);
  assertEquals(/is overloaded/.test(refused), true, `${refused}`);
  assertEquals(handlers.server.associations, 2);
  await handlers.close(...sessions.flatMap(({ application, target }) => [application, target]));
});

Deno.test("an association whose session has ended is evicted too, with BYE to the client", async () => {
  const handlers = new Handlers({}, { server: "limits: {associations: 1}" });
  await assertServed(handlers);
  assertEquals(handlers.client.levels().pool?.idle, 1);
  const stranger = await associate(handlers, "203.0.113.1");
  assertEquals(handlers.client.levels().pool?.idle, 0);
  assertEquals(handlers.server.associations, 1);
  await assertServed(handlers);
  assertEquals(stranger.over, true);
  stranger.association.end();
  await handlers.close();
});
