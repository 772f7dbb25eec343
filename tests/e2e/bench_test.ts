/** `micss bench` identifies the slow channel of a server handler. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { BenchResult } from "../../src/bench/mod.ts";
import { formatAddress } from "../../src/net/address.ts";
import { micssCommand, startServer } from "../support/handlers/handlers.ts";
import { makeTopology } from "../support/system/namespaces.ts";
import { Program, run } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Number of attempts at an undisturbed measurement. */
const TRIES = 5;

/** Ports of the channels, and of the answers to measurements. */
const CHANNEL = 6522, ANSWER = 6524;

testWith(
  ["network namespaces", "tc"],
  "micss bench measures the channels and MICSS, and names the slow channel",
  async () => {
    await using parts = new AsyncDisposableStack();
    const { near, far, ipv4 } = parts.use(await makeTopology());
    // Rate limits as on real paths: what exceeds them is dropped, and TCP adapts. Without one, a channel takes all of a processor.
    const limits = ["c1", "c3"].map((device) => `dev ${device} root tbf rate 250mbit burst 256kb latency 5ms`);
    limits.push("dev c2 root tbf rate 80mbit burst 32kb latency 5ms");
    const input = limits.map((limit) => `qdisc add ${limit}\n`).join("");
    for (const host of [near, far]) await run(["tc", "-batch", "-"], { ...host, input });
    const micss = await micssCommand();
    const answers = ["127.0.0.1", ...ipv4].flatMap((host) => ["--answer", `${host}:${ANSWER}`]);
    const answerer = parts.use(Program.start([...micss, "bench", ...answers], { ...far, cwd: ROOT }));
    await answerer.waitForLine(/answering/);
    parts.use(await startServer(ipv4.map((host) => ({ host, port: CHANNEL })), `${ANSWER}=127.0.0.1`, far));
    const server = `web=${ipv4.map((host) => `${host}:${CHANNEL}`).join()}`;
    const command = [...micss, "bench", "--server", server, "--port", String(ANSWER), "--seconds", "0.6"];
    for (let tries = 1;; tries++) {
      const { stdout, stderr } = await run([...command, "--json"], { ...near, cwd: ROOT });
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
  },
);

/** Checks that the others wait for the second channel, and that MICSS is as fast as that one. */
function assertNamed(result: BenchResult): void {
  for (const direction of ["up", "down"] as const) {
    const [first, second, third] = result.channels.map(({ waitedFor }) => waitedFor[direction]);
    // An upload waits for credit, until that exceeds what the system buffers for the channel.
    const least = direction === "up" ? 0.2 : 0.5;
    assert(second! > least && second! > first! + third!, `${direction}: ${first} ${second} ${third}`);
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
  await using serverHandler = await startServer(channels, `${port}=127.0.0.1`);
  const server = `web=${channels.map(formatAddress).join()}`;
  const command = [...await micssCommand(), "bench", "--server", server, "--port", String(port), "--seconds", "1"];
  const { code, stderr } = await run(command, { cwd: ROOT, mayFail: true });
  assertEquals(code, 1);
  assertStringIncludes(stderr, `micss bench: no session for port ${port} that answers: `);
  await serverHandler.waitForLog("channel probed");
  assertEquals(serverHandler.logged("channel not associated"), []);
});
