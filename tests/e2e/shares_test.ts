/** Short shares with real programs: what passes, how much each channel carries, a channel that breaks, a reload. */
import { assert, assertEquals } from "@std/assert";
import type { BenchResult } from "../../src/bench/mod.ts";
import { formatAddress } from "../../src/net/address.ts";
import { type Handler, micssCommand, startPair, startServer } from "../support/handlers/handlers.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { bounded, configFile, Program, run } from "../support/programs/process.ts";
import { freePort, shared, testWith } from "../support/programs/programs.ts";
import { Relay } from "../support/programs/relay.ts";
import { connect, drain, sha256, Target, writeAndEnd } from "../support/programs/tcp.ts";
import { limitRates, makeTopology } from "../support/system/namespaces.ts";
import { Random } from "../support/random/random.ts";
import { CURL, testCore } from "./core.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Bytes of the file that is downloaded while channels are counted, or break. */
const SIZE = 9_000_000;

/** Port of `micss bench --answer`, rate of each path in Mbit/s, seconds of a measurement, and attempts at it. */
const ANSWER = 6524, RATE = 20, SECONDS = 0.4, TRIES = 4;

/** Handlers over loopback, with short shares; the second channel is through a relay. */
const short = shared(async () => {
  await using making = new AsyncDisposableStack();
  const relays = making.use(new DisposableStack());
  let relay: Relay;
  const target = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  const pair = making.use(
    await startPair({
      target,
      flags: ["--admin", "127.0.0.1:0"],
      clientFlags: ["--shares", "short"],
      through([a, b, c]) {
        relay = relays.use(new Relay({ host: b!.host, port: 0 }, b!));
        return [a!, relay.address, c!];
      },
    }),
  );
  const made = making.move();
  return {
    ...pair,
    ...{ near: {}, far: {}, entry: formatAddress(pair.entry), target: formatAddress(target), relay: relay! },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
});

testCore("with short shares", [], short, 5);

/** The shares of the associations that a handler has logged. */
function sharesOf(handler: Handler): unknown[] {
  return handler.logged("association").map(({ shares }) => shares);
}

/** Bytes that each of a handler's channels has received. */
async function received(handler: Handler): Promise<number[]> {
  const { at } = await handler.waitForLog("admin");
  const metrics = (await run([...CURL, `http://${at}/metrics`])).text();
  return [...metrics.matchAll(/^micss_channel_bytes_total\{.*direction="in"\} (\d+)$/gm)].map(([, count]) => +count!);
}

testWith(["curl", "nginx"], "with short shares, each of three channels carries a third of a download", async () => {
  const { client, server, entry, target } = await short();
  await using nginx = await startNginx([target]);
  const content = new Random(1).bytes(SIZE), before = await received(client);
  await Deno.writeFile(`${nginx.root}/file`, content);
  const got = await run([...CURL, `http://${entry}/file`]);
  assertEquals(sha256(got.stdout), sha256(content));
  const after = await received(client), parts = after.map((count, at) => (count - before[at]!) / SIZE);
  assertEquals(parts.length, 3);
  for (const part of parts) assert(part > 1 / 3 && part < 0.35, `${parts}`);
  for (const handler of [client, server]) {
    assert(sharesOf(handler).every((shares) => shares === "short") && sharesOf(handler).length > 0);
  }
});

testWith(["curl", "nginx"], "with short shares, many small requests at once have their answers", async () => {
  const { entry, target } = await short();
  await using nginx = await startNginx([target]);
  // One that is shared whole, and one that is not.
  const bodies = [500, 1500].map((length) => "0123456789".repeat(length / 10));
  for (const [at, body] of bodies.entries()) await Deno.writeTextFile(`${nginx.root}/${at}`, body);
  const parallel = CURL.filter((word) => word !== "--globoff").concat("--parallel", "--parallel-max", "20");
  for (const [at, body] of bodies.entries()) {
    assertEquals((await run([...parallel, `http://${entry}/closing/${at}?[1-100]`])).text(), body.repeat(100));
  }
});

testWith(
  ["curl", "nginx"],
  "with short shares, a download goes on when a channel breaks and is joined again",
  async () => {
    const { client, server, entry, target, relay } = await short();
    await using nginx = await startNginx([target]);
    const content = new Random(2).bytes(SIZE), joined = client.logged("channel joined again").length;
    const resets = () => [client, server].map((handler) => handler.logged("session reset").length), before = resets();
    await Deno.writeFile(`${nginx.root}/file`, content);
    const download = run([...CURL, `http://${entry}/file`]);
    for (const how of ["reset", "close"] as const) {
      // The second time it carries more only because it is joined again.
      await bounded(relay.carries(SIZE / 10), () => `bytes on the second channel\n${client.describe()}`);
      relay.cut(how);
    }
    assertEquals(sha256((await download).stdout), sha256(content));
    assertEquals(resets(), before);
    await client.waitForLogs(joined + 2, "channel joined again", { channel: /^2 / });
  },
);

Deno.test("after SIGHUP, per-session associations have the new shares", async () => {
  using target = new Target();
  await using config = await configFile("associations: per-session\nwarm: 0\n");
  await using pair = await startPair({ target: target.address, clientFlags: ["--config", config.file] });
  const content = new Random(3).bytes(100_000);
  let ended = 0;
  for (const shares of ["full", "short", "full"]) {
    await Deno.writeTextFile(config.file, `associations: per-session\nwarm: 0\nshares: ${shares}\n`);
    const reloads = pair.client.logged("reloaded").length;
    pair.client.signal("SIGHUP");
    await pair.client.waitForLogs(reloads + 1, "reloaded");
    // Both have begun before either ends, so that each has an association.
    const applications = [await connect(pair.entry), await connect(pair.entry)];
    const served = [await target.accept(pair), await target.accept(pair)];
    const got = applications.map((application) => drain(application));
    for (const connection of served) await writeAndEnd(connection, content);
    for (const application of applications) await application.closeWrite();
    for (const { sha256: hash, ending } of await Promise.all(got)) {
      assertEquals([hash, ending], [sha256(content), "end"]);
    }
    for (const handler of [pair.client, pair.server]) await handler.waitForLogs(ended + 2, "session ended");
    for (const connection of [...applications, ...served]) connection.close();
    ended += 2;
  }
  // The third pair of sessions finds the first one's idle associations.
  for (const handler of [pair.client, pair.server]) {
    await handler.waitForLogs(4, "association");
    assertEquals(sharesOf(handler), ["full", "full", "short", "short"]);
  }
  assertEquals(pair.client.logged(/reset|refused/), []);
});

testWith(
  ["network namespaces", "tc"],
  "over three equal paths, short shares carry far more than full ones, and micss bench shows it",
  async () => {
    await using parts = new AsyncDisposableStack();
    const topology = parts.use(await makeTopology()), { near, far, ipv4 } = topology;
    await limitRates(topology, [RATE, RATE, RATE]);
    const micss = await micssCommand();
    const answer = [...micss, "bench", "--answer", `127.0.0.1:${ANSWER}`];
    const answerer = parts.use(Program.start(answer, { ...far, cwd: ROOT }));
    await answerer.waitForLine(/answering/);
    const channels = ipv4.map((host) => ({ host, port: 6522 }));
    parts.use(await startServer(channels, `${ANSWER}=127.0.0.1`, far));
    const server = `web=${channels.map(formatAddress).join()}`;
    const bench = [...micss, "bench", "--server", server, "--port", `${ANSWER}`, "--json", "--seconds", `${SECONDS}`];
    const measure = async (shares: string): Promise<BenchResult["micss"]["throughput"]> => {
      const { micss, ...result }: BenchResult = JSON.parse(
        (await run([...bench, "--shares", shares], { ...near, cwd: ROOT })).text(),
      );
      assertEquals(result.shares, shares);
      return micss.throughput;
    };
    for (let tries = 1;; tries++) {
      const full = await measure("full"), short = await measure("short");
      const up = short.up / full.up, down = short.down / full.down;
      // Nearly three times, in a longer measurement.
      if (Math.min(up, down) > 1.5) return;
      // A busy machine pauses programs for longer than a measurement.
      assert(tries < TRIES, `${up} times up, ${down} times down`);
    }
  },
);
