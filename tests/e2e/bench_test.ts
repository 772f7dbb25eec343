/** `micss bench` identifies the slow channel of a server handler. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Answerer, type BenchResult } from "../../src/bench/mod.ts";
import { acceptAll } from "../../src/net/listen/accept_loop.ts";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { systemClock } from "../../src/time/clock.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { systemNetwork } from "../../src/net/system/tcp.ts";
import { micssCommand, startServer } from "../support/handlers/handlers.ts";
import "../support/system/native.ts";
import { run } from "../support/programs/process.ts";
import { freePort } from "../support/programs/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Rate of the slow channel in each direction, in bytes a second. */
const SLOW = 1_000_000;

/** Number of attempts at an undisturbed measurement. */
const TRIES = 5;

/** Relays connections at no more than {@linkcode SLOW} in each direction. */
function startSlow(at: Address, to: Address): AsyncDisposable {
  const listener = systemNetwork.listen(at);
  const connections = new Set<Connection>();
  const passing = new Set<Promise<unknown>>();
  const accepting = acceptAll(listener, (near) => {
    const pass = join(near).finally(() => passing.delete(pass));
    passing.add(pass);
  });
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of connections) connection.reset();
      await Promise.all([accepting, ...passing]);
    },
  };

  async function join(near: Connection): Promise<void> {
    connections.add(near);
    const far = await systemNetwork.connect(to);
    connections.add(far);
    await Promise.all([pass(near, far), pass(far, near)]).catch(() => {});
    for (const end of [near, far]) {
      end.reset();
      connections.delete(end);
    }
  }
}

async function pass(from: Connection, to: Connection): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  for (let length = await from.read(buffer); length !== null; length = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, length));
    await new Promise((resolve) => setTimeout(resolve, length * 1000 / SLOW));
  }
  await to.closeWrite();
}

Deno.test("micss bench measures the channels and MICSS, and names the slow channel", async () => {
  const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"], slow = "127.0.0.12";
  const [channelPort, port] = [freePort(...hosts, slow), freePort(...hosts, slow)];
  const channels = hosts.map((host) => ({ host, port: channelPort }));
  await using parts = new AsyncDisposableStack();
  const answerer = new Answerer(systemNetwork, systemClock, hosts.map((host) => ({ host, port })));
  parts.defer(() => answerer.close());
  parts.use(await startServer(channels, `${port}=127.0.0.1`));
  for (const at of [channelPort, port]) {
    parts.use(startSlow({ host: slow, port: at }, { host: "127.0.0.2", port: at }));
  }
  const server = `web=${[hosts[0]!, slow, hosts[2]!].map((host) => formatAddress({ host, port: channelPort })).join()}`;
  const command = [...await micssCommand(), "bench", "--server", server, "--port", String(port), "--seconds", "0.4"];
  for (let tries = 1;; tries++) {
    const { stdout, stderr } = await run([...command, "--json"], { cwd: ROOT });
    assertStringIncludes(stderr, "measuring MICSS over all 3");
    const result: BenchResult = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(result.channels.map(({ fault }) => fault), [undefined, undefined, undefined]);
    try {
      return assertNamed(result);
    } catch (error) {
      // A busy machine occasionally pauses a program for longer than a measurement.
      if (tries === TRIES) throw error;
    }
  }
});

/** Checks that the others wait for the second channel, and that MICSS is as fast as that one. */
function assertNamed(result: BenchResult): void {
  for (const direction of ["up", "down"] as const) {
    const [first, second, third] = result.channels.map(({ waitedFor }) => waitedFor[direction]);
    assert(second! > 0.5 && second! > first! + third!, `${direction}: ${first} ${second} ${third}`);
    // No faster than the slowest channel, and not much slower on a busy machine.
    const alone = result.channels[1]!.alone!.throughput[direction], micss = result.micss.throughput[direction];
    assert(micss > alone / 2 && micss < alone * 1.5, `${direction}: ${alone} alone, ${micss} through MICSS`);
    for (const at of [0, 2]) assert(result.channels[at]!.alone!.throughput[direction] > 2 * alone);
  }
}

Deno.test("micss bench explains that nothing answers behind the server handler", async () => {
  const hosts = ["127.0.0.1", "127.0.0.2"];
  const channelPort = freePort(...hosts), port = freePort(...hosts);
  const channels = hosts.map((host) => ({ host, port: channelPort }));
  await using _server = await startServer(channels, `${port}=127.0.0.1`);
  const server = `web=${channels.map(formatAddress).join()}`;
  const command = [...await micssCommand(), "bench", "--server", server, "--port", String(port), "--seconds", "1"];
  const { code, stderr } = await run(command, { cwd: ROOT, mayFail: true });
  assertEquals(code, 1);
  assertStringIncludes(stderr, `micss bench: no session for port ${port} that answers: `);
});
