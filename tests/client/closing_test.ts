/** A client handler closed at any moment leaves no application waiting. */
import { assertEquals, assertRejects } from "@std/assert";
import { Handlers } from "../support/handlers/handlers_in_memory.ts";
import { bounded } from "../support/programs/process.ts";
import { World } from "../support/handlers/world.ts";
import { settle } from "../support/time/fake_clock.ts";
import { sendAll } from "../support/handlers/pair.ts";

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

for (const role of ["client", "server"] as const) {
  Deno.test(`closing a ${role} handler resets a session of which only the last bytes are unread`, async () => {
    const handlers = new Handlers({ capacity: 10_000 });
    const { application, target } = await handlers.session();
    const [sender, reader] = role === "client" ? [target, application] : [application, target];
    await reader.closeWrite();
    assertEquals(await sender.read(new Uint8Array(1)), null);
    // Within a stream's first credit: everything, END included, reaches the other handler.
    await sendAll(sender, new Uint8Array(50_000));
    for (let turn = 0; turn < 50; turn++) await settle();
    assertEquals(handlers[role === "client" ? "server" : "client"].activity.sessions.size, 0);
    assertEquals(handlers[role].activity.sessions.size, 1);
    await bounded(handlers[role].close(), () => "the end of the handler", 2000);
    await assertRejects(async () => {
      while (await reader.read(new Uint8Array(65_536)) !== null);
    }, Deno.errors.ConnectionReset);
    await handlers.close(application, target);
  });
}
