/** Silence and idleness with real programs and short limits; the task `silence` tests the default ones. */
import { assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { writeAll } from "../../src/net/connection.ts";
import { Handler } from "../support/handlers/handlers.ts";
import { makeTempDir } from "../support/programs/process.ts";
import { freePort, testTogether } from "../support/programs/programs.ts";
import { connect, readExactly, Target } from "../support/programs/tcp.ts";
import { assertSilenceEnds, openSilentWorld } from "./silence.ts";

/** Allows for ticks of a second and a busy machine; the default is 25 s. */
const SHORT = "{ping: 1s, silence: 5s, rejoin: 0}";
const SHORT_MS = 20_000;

/** Longer limits for tests in which nothing may count as dead: a busy machine may stop a handler for seconds. */
const PATIENT = "{ping: 1s, silence: 6s}";

const NEEDS = ["network namespaces", "iptables"];

testTogether(NEEDS, "a silent path ends its sessions within the limit, an idle or blocked session never", {
  async "a path that silently drops everything ends its session within the limit, and the log names it"() {
    await using world = await openSilentWorld(SHORT);
    const drop = ["iptables", "-w", "-A", "INPUT", "-i", world.topology.devices[1]!, "-j", "DROP"];
    await assertSilenceEnds(world, drop, 2, SHORT_MS);
  },
  async "a channel whose address is removed ends its session within the limit, and is named"() {
    await using world = await openSilentWorld(SHORT);
    await assertSilenceEnds(world, ["ip", "address", "del", "10.77.3.2/24", "dev", "c3"], 3, SHORT_MS);
  },
  "neither an idle session nor one whose target doesn't read is taken for dead": assertNotDead,
});

async function assertNotDead(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await makeTempDir());
  using target = new Target();
  const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  const port = freePort(...hosts);
  const channels = `[${hosts.map((host) => `"${host}:${port}"`)}]`;
  const entry: Address = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  const [server, client] = ["server", "client"].map((name) => `${path}/${name}.yaml`) as [string, string];
  await Deno.writeTextFile(
    server,
    `channels: ${channels}\ntargets: {80: "${formatAddress(target.address)}"}\ntimeouts: ${PATIENT}\n`,
  );
  await Deno.writeTextFile(
    client,
    `servers: {web: {channels: ${channels}}}\nforward: ["${formatAddress(entry)}=web:80"]\ntimeouts: ${PATIENT}\n`,
  );
  const handlers = [
    stack.use(await Handler.start("server", ["--config", server])),
    stack.use(await Handler.start("client", ["--config", client])),
  ] as const;

  using idle = await connect(entry);
  const idleThere = await target.accept(handlers[0]);
  using blocked = await connect(entry);
  const blockedThere = await target.accept(handlers[0]);
  let sent = 0;
  const block = new Uint8Array(1 << 20);
  const sending = (async () => {
    for (; sent < 64; sent++) await writeAll(blocked, block);
  })();
  // Awaited below.
  sending.catch(() => {});
  // Longer than the limit, a PING before it and a tick.
  await new Promise((resolve) => setTimeout(resolve, 9_000));
  const sentMeanwhile = sent;

  await writeAll(idle, block.subarray(0, 1000));
  await readExactly(idleThere, 1000);
  await Promise.all([sending, readExactly(blockedThere, 64 * block.length)]);
  for (const handler of handlers) assertEquals(handler.logged(/reset|failed/), [], handler.describe());
  assertEquals(sentMeanwhile < 64, true, "nothing was held up");
}
