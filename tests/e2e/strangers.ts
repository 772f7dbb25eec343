/** What strangers in numbers can't do to a server handler: real sockets of many sources, and a real limit on files. */
import { assertEquals, assertLess } from "@std/assert";
import { initiate } from "../../src/association/initiate.ts";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { systemNetwork } from "../../src/net/system/tcp.ts";
import { startServer } from "../support/handlers/handlers.ts";
import "../support/system/native.ts";
import { Program, type RunOptions } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";

const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

const SOURCES = 100;

/** How long associating may take a legitimate client meanwhile, in milliseconds, on a machine with nothing else to do. */
const SOON = 1000;

/** How often it associates, and how often this machine may have other things to do. */
const TIMES = 30, BUSY = 3;

/**
 * Registers the test that slow strangers keep nobody out: with few files there is no room for all of them, and they come
 * back as soon as they had to go; with many they all stay.
 */
export function testStrangers(sockets: number): void {
  for (const files of [1024, 12_000]) {
    const name = `${sockets} strangers from ${SOURCES} sources keep nobody from associating soon, with ${files} files`;
    testWith(["python3"], name, async () => {
      const channels = loopbackChannels();
      await using server = await startServer(channels, "80=127.0.0.1:1", limited(files));
      const alone = await associateOften(channels);
      const script = new URL("slowloris.py", import.meta.url).pathname;
      const command = ["python3", script, `${sockets}`, `${SOURCES}`, ...channels.map(formatAddress)];
      await using strangers = Program.start(command);
      await strangers.waitForLine((line) => Number(/opened (\d+)/.exec(line)?.[1]) >= sockets, "all opened", 60_000);

      const among = await associateOften(channels);
      assertLess(among[BUSY]!, SOON + 10 * alone[BUSY]!, `${among}\n${strangers.describe()}\n${server.describe()}`);
      // With few files, Deno 2.6 takes longer to close what has to go than to accept what comes.
      if (files > sockets) assertEquals(server.logged("accept failed"), []);
    });
  }
}

/** Three addresses of loopback, at a free port. */
export function loopbackChannels(): Address[] {
  const port = freePort(...HOSTS);
  return HOSTS.map((host) => ({ host, port }));
}

/** Runs a program with a limit on the files that it may have open. */
export function limited(files: number): RunOptions {
  return { within: ["sh", "-c", `ulimit -n ${files} && exec "$0" "$@"`] };
}

/** How long it takes to associate, in milliseconds. */
export async function associate(channels: Address[]): Promise<number> {
  const before = performance.now();
  (await initiate(channels, { network: systemNetwork })).end();
  return performance.now() - before;
}

/** The same, again and again, the longest first. */
async function associateOften(channels: Address[]): Promise<number[]> {
  const took: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    took.push(await associate(channels));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return took.sort((a, b) => b - a);
}
