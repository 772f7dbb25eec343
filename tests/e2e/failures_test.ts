import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { startClient, startPair } from "../support/handlers/handlers.ts";
import { Namespace } from "../support/system/namespaces.ts";
import { bounded, run } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { applicationCommand } from "../support/programs/peer.ts";
import { Relay } from "../support/programs/relay.ts";
import { connect, drain, flood, listenTo, pattern, Target } from "../support/programs/tcp.ts";

const LOOPBACK = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/** How long a refusal may take to reach the application, in milliseconds: less than any time-out, on a busy machine, too. */
const PROMPTLY = 4_000;

/** The same of one that is tried again for 5 s, as a server handler that is being replaced would be, in milliseconds. */
const AFTER_TRYING = 9_000;

Deno.test("an application whose target refuses sees a reset at once, and the server's log says refused", async () => {
  const target = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  await using pair = await startPair({ target });
  assertEquals(await outcomeAt(pair.entry), "reset");
  const refused = await pair.server.waitForLog("session refused", { target: formatAddress(target) });
  assertMatch(String(refused.reason), /refused/);
});

Deno.test("an application sees a reset when no server handler runs, and the log names channel and reason", async () => {
  const port = freePort(...LOOPBACK);
  const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  const channels = LOOPBACK.map((host) => ({ host, port }));
  await using client = await startClient(channels, ["--forward", `${formatAddress(entry)}=web:80`]);
  assertEquals(await outcomeAt(entry, AFTER_TRYING), "reset");
  await client.waitForLog("session refused", {
    reason: new RegExp(`channel [123] \\(127\\.0\\.0\\.[123]:${port}\\): Connection refused`),
  });
});

Deno.test("an application sees a reset when one channel of three can't be had, and the log names that one", async () => {
  const gone = { host: "127.0.0.2", port: freePort("127.0.0.2") };
  using target = new Target();
  await using pair = await startPair({ target: target.address, through: ([a, , c]) => [a!, gone, c!] });
  assertEquals(await outcomeAt(pair.entry, AFTER_TRYING), "reset");
  await pair.client.waitForLog("session refused", {
    reason: `channel 2 (${formatAddress(gone)}): Connection refused`,
    hint: /^is the server handler running, and is this its port\?/,
  });
});

testWith(["network namespaces"], "an application sees a reset when there is no route to the server", async () => {
  await using namespace = await Namespace.make();
  const channels = [1, 2, 3].map((i) => ({ host: `10.77.${i}.2`, port: 6522 }));
  await using client = await startClient(channels, ["--forward", "127.0.0.1:8080=web:80"], namespace);
  const application = await run(applicationCommand("listen", "127.0.0.1:8080"), namespace);
  assertMatch(application.text(), /^received 0 .* reset$/m);
  await client.waitForLog("session refused", {
    reason: /^channel [123] \(10\.77\.[123]\.2:6522\): Network is unreachable$/,
  });
});

for (const how of ["reset", "close"] as const) {
  for (const direction of ["up", "down"] as const) {
    const name = `a channel that ends by ${how} with data on its way ${direction} resets both applications`;
    Deno.test(name, () => assertCutResets(how, direction));
  }
}

/** What becomes of an application that connects to `entry` and says nothing; has to be settled in time. */
async function outcomeAt(entry: Address, ms = PROMPTLY): Promise<string> {
  return (await bounded(listenTo(entry), () => `the end of the connection to ${entry.port}`, ms)).ending;
}

/** Cuts the second of three channels while one side sends all it can, and looks at how either side's connection ends. */
async function assertCutResets(how: "reset" | "close", direction: "up" | "down"): Promise<void> {
  using target = new Target();
  using relays = new DisposableStack();
  let relay: Relay | undefined;
  await using pair = await startPair({
    target: target.address,
    through([a, b, c]) {
      relay = relays.use(new Relay({ host: b!.host, port: 0 }, b!));
      return [a!, relay.address, c!];
    },
  });
  using application = await connect(pair.entry);
  const served = await target.accept(pair);
  const [sender, receiver] = direction === "up" ? [application, served] : [served, application];

  // What the sender is told, its reading or its writing learns, whichever comes first.
  const endings = Promise.all([drain(receiver), drain(sender), flood(sender, pattern(64 * 1024))]);
  await bounded(relay!.carries(5_000_000), () => `bytes on the second channel\n${pair.describe()}`);
  relay!.cut(how);
  const [received, heard, written] = await bounded(endings, () => `the resets\n${pair.describe()}`);
  assertEquals(received.ending, "reset");
  assert(
    heard.ending === "reset" || written === "reset",
    `The sender read to its ${heard.ending}, wrote to ${written}`,
  );
}
