/** Many strangers against a server handler: real sockets from many sources, and a real limit on files. */
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

/** Time limit for a legitimate client's association meanwhile, in milliseconds, on an idle machine. */
const SOON = 1000;

/** Number of associations, and how many may be slow because the machine is busy. */
const TIMES = 30, BUSY = 3;

/**
 * Registers the test that slow strangers lock no client out. With few files there is no room for all of them, and they
 * reconnect as soon as they are evicted; with many files they all stay.
 */
export function testStrangers(sockets: number): void {
  for (const files of [1024, 12_000]) {
    const name = `${sockets} strangers from ${SOURCES} sources delay no association, with ${files} files`;
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
      // With few files, Deno 2.6 takes longer to close evicted connections than to accept new ones.
      if (files > sockets) assertEquals(server.logged("accept failed"), []);
    });
  }
}

/** Three loopback addresses with one free port. */
export function loopbackChannels(): Address[] {
  const port = freePort(...HOSTS);
  return HOSTS.map((host) => ({ host, port }));
}

/** Runs a program with a limit on its open files. */
export function limited(files: number): RunOptions {
  return { within: ["sh", "-c", `ulimit -n ${files} && exec "$0" "$@"`] };
}

/** Time to associate, in milliseconds. */
export async function associate(channels: Address[]): Promise<number> {
  const before = performance.now();
  (await initiate(channels, { network: systemNetwork })).end();
  return performance.now() - before;
}

/** Times of repeated associations, the longest first. */
async function associateOften(channels: Address[]): Promise<number[]> {
  const took: number[] = [];
  for (let time = 0; time < TIMES; time++) {
    took.push(await associate(channels));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return took.sort((a, b) => b - a);
}
