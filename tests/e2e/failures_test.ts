import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { startClient, startPair } from "../support/handlers/handlers.ts";
import { Namespace } from "../support/system/namespaces.ts";
import { bounded, configFile, run } from "../support/programs/process.ts";
import { freePort, shared, testTogether, testWith } from "../support/programs/programs.ts";
import { applicationCommand } from "../support/programs/peer.ts";
import { Relay } from "../support/programs/relay.ts";
import { connect, drain, flood, listenTo, pattern, Target } from "../support/programs/tcp.ts";

const LOOPBACK = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/** Settings, and the time limit for a refusal to reach the application, in milliseconds, below all of their time-outs. */
const PATIENT = "timeouts: {handshake: 1m, connect: 1m}\n", PROMPTLY = 30_000;

Deno.test("an application whose target refuses is reset immediately, and the server logs the refusal", async () => {
  const target = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  await using patient = await configFile(PATIENT);
  await using pair = await startPair({ target, flags: ["--config", patient.file] });
  assertEquals(await outcomeAt(pair.entry), "reset");
  const refused = await pair.server.waitForLog("session refused", { target: formatAddress(target) });
  assertMatch(String(refused.reason), /refused/);
});

testTogether(
  [],
  "an application is reset if no server handler runs, or a channel is unavailable, and the log names it",
  {
    "if no server handler runs, the log names the channel and reason": assertNoServerNamed,
    "if one of three channels is unavailable, the log names it": assertChannelNamed,
  },
);

async function assertNoServerNamed(): Promise<void> {
  const port = freePort(...LOOPBACK);
  const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  const channels = LOOPBACK.map((host) => ({ host, port }));
  await using client = await startClient(channels, ["--forward", `${formatAddress(entry)}=web:80`]);
  assertEquals(await outcomeAt(entry), "reset");
  await client.waitForLog("session refused", {
    reason: new RegExp(`channel [123] \\(127\\.0\\.0\\.[123]:${port}\\): Connection refused`),
  });
}

async function assertChannelNamed(): Promise<void> {
  const gone = { host: "127.0.0.2", port: freePort("127.0.0.2") };
  using target = new Target();
  await using pair = await startPair({ target: target.address, through: ([a, , c]) => [a!, gone, c!] });
  assertEquals(await outcomeAt(pair.entry), "reset");
  await pair.client.waitForLog("session refused", {
    reason: `channel 2 (${formatAddress(gone)}): Connection refused`,
    hint: /^is the server handler running, and is this its port\?/,
  });
}

testWith(["network namespaces"], "an application is reset if there is no route to the server", async () => {
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
    const name =
      `with timeouts.rejoin of 0, a channel that ends by ${how} with data in flight ${direction} resets both ` +
      "applications";
    Deno.test(name, () => assertCutResets(how, direction));
  }
}

/** The end of a silent application's connection to `entry`, within a time limit. */
async function outcomeAt(entry: Address): Promise<string> {
  return (await bounded(listenTo(entry), () => `the end of the connection to ${entry.port}`, PROMPTLY)).ending;
}

/** Handlers that join no channel again, whose second channel leads through a relay. */
const cuttable = shared(async () => {
  await using making = new AsyncDisposableStack();
  const target = making.use(new Target());
  const { file } = making.use(await configFile("timeouts: {rejoin: 0}\n"));
  let relay: Relay | undefined;
  const pair = making.use(
    await startPair({
      target: target.address,
      flags: ["--config", file],
      through([a, b, c]) {
        relay = making.use(new Relay({ host: b!.host, port: 0 }, b!));
        return [a!, relay.address, c!];
      },
    }),
  );
  const made = making.move();
  return { target, pair, relay: relay!, [Symbol.asyncDispose]: () => made.disposeAsync() };
});

/** Cuts the second of three channels while one side sends as fast as it can, and checks how both sides' connections end. */
async function assertCutResets(how: "reset" | "close", direction: "up" | "down"): Promise<void> {
  const { target, pair, relay } = await cuttable();
  using application = await connect(pair.entry);
  const served = await target.accept(pair);
  const [sender, receiver] = direction === "up" ? [application, served] : [served, application];

  // The sender's error surfaces on its read or its write, whichever comes first.
  const endings = Promise.all([drain(receiver), drain(sender), flood(sender, pattern(64 * 1024))]);
  await bounded(relay.carries(5_000_000), () => `bytes on the second channel\n${pair.describe()}`);
  relay.cut(how);
  const [received, heard, written] = await bounded(endings, () => `the resets\n${pair.describe()}`);
  assertEquals(received.ending, "reset");
  assert(
    heard.ending === "reset" || written === "reset",
    `The sender read to its ${heard.ending}, wrote to ${written}`,
  );
}
