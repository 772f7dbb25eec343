/** A client handler closed at any moment leaves no application waiting. */
import { assertEquals, assertRejects } from "@std/assert";
import { bounded } from "../support/programs/process.ts";
import { World } from "../support/handlers/world.ts";

const CHANNELS = ["192.0.2.1", "198.51.100.1"];
const WEB = { host: CHANNELS[0]!, port: 80 };

/** Maximum number of microtask turns until a session on an idle association is answered. */
const TURNS = 60;

Deno.test("closing resets an application whose session was requested on an idle association, at any moment", async () => {
  for (let turns = 0; turns < TURNS; turns++) {
    await using world = new World();
    world.startServer(CHANNELS.flatMap((channel) => ["--channel", channel]));
    const client = world.startClient(["--server", `web=${CHANNELS}`]);
    assertEquals(await world.talk(WEB), "hello");
    await world.client.until("session ended");
    const application = await world.connect(WEB);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    await bounded(client.close(), () => `the end of a handler that closes after ${turns} turns`);
    await assertRejects(
      () => bounded(application.read(new Uint8Array(1)), () => `a reset after ${turns} turns`, 1_000),
      Deno.errors.ConnectionReset,
    );
  }
});
