/** A client handler that is closed at whatever moment: no application is left waiting. */
import { assertEquals, assertRejects } from "@std/assert";
import { bounded } from "../support/programs/process.ts";
import { World } from "../support/handlers/world.ts";

const CHANNELS = ["192.0.2.1", "198.51.100.1"];
const WEB = { host: CHANNELS[0]!, port: 80 };

/** How many turns of the microtasks a session on an idle association takes at most until it is answered. */
const TURNS = 60;

Deno.test("an application whose session is asked for on an idle association sees a reset, whenever that is", async () => {
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
