/** More flows than there are places for. */
import { assertEquals } from "@std/assert";
import { FlowPair, UDP_FORWARD } from "./flow_pair.ts";

Deno.test("when all places are taken, flows that were silent longest make room, a sixteenth at a time", async () => {
  const pair = new FlowPair({ client: "limits: {sessions: 32}" }),
    { handlers: { clock, client, server, datagrams } } = pair;
  const first = Array.from({ length: 32 }, () => pair.application());
  for (const [index, application] of first.entries()) {
    application.send("one", UDP_FORWARD);
    application.send("two", UDP_FORWARD);
    if (index % 8 === 7) await pair.flow();
    await clock.advance(10);
  }
  await pair.flow();
  await clock.advance(2000);
  const sockets = datagrams.openSockets, flood = Array.from({ length: 40 }, () => pair.application());
  for (const application of flood) application.send("flood", UDP_FORWARD);
  await pair.flow();
  // Two are over, however many datagrams came meanwhile; those that came are dropped.
  assertEquals([client.activity.sessions.size, datagrams.openSockets], [30, sockets + 40 - 2]);
  assertEquals(flood.flatMap(({ texts }) => texts), []);
  flood[0]!.send("again", UDP_FORWARD);
  flood[1]!.send("again", UDP_FORWARD);
  for (const application of first.slice(2)) application.send("still", UDP_FORWARD);
  await pair.flow();
  assertEquals(flood.slice(0, 3).map(({ texts }) => texts), [["re: again"], ["re: again"], []]);
  assertEquals(first.slice(2).every(({ texts }) => texts.at(-1) === "re: still"), true);
  assertEquals([client.activity.sessions.size, server.activity.sessions.size], [32, 32]);
  // The two that were silent longest have no place, as none has been silent for a second.
  first[0]!.send("me, too", UDP_FORWARD);
  await pair.flow();
  assertEquals(first[0]!.texts, ["re: one", "re: two"]);
  await pair.close();
});
