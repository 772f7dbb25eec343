/**
 * A small application or target that treats a TCP connection in a way that no standard program does, for tests that run it
 * in a network namespace. Writes a line for each event.
 *
 * ```text
 * peer.ts reply HOST:PORT SIZE     target: reads to the end, then sends SIZE bytes of the pattern and closes
 * peer.ts hold HOST:PORT           target: sends hello, reads on, reports how the connection ended
 * peer.ts hang-up HOST:PORT        target: sends hello, waits for an answer, resets
 * peer.ts answer HOST:PORT         application: waits for hello, answers, reports that and how the connection ended
 * peer.ts break-off HOST:PORT      application: waits for hello, answers, resets
 * peer.ts listen HOST:PORT         application: sends nothing, reports how the connection ended
 * ```
 *
 * Several targets' names, separated by commas, are for one connection after another, the last for all that follow; those
 * of applications are for connections made one after another.
 *
 * @module
 */

import { type Address, formatAddress, parseAddress } from "../../../src/net/address.ts";
import { type Connection, writeAll } from "../../../src/net/connection.ts";
import { systemNetwork } from "../../../src/net/system/tcp.ts";
import { Program, type RunOptions } from "./process.ts";
import { connect, drain, listenTo, pattern, readExactly, type Received, writeAndEnd } from "./tcp.ts";

/** The first message in both directions. */
const HELLO = new TextEncoder().encode("hello");

/** Targets; see the module's comment. */
export type TargetName = "reply" | "hold" | "hang-up";

/** Applications; see the module's comment. */
export type ApplicationName = "answer" | "break-off" | "listen";

/** Handles a target's connection. */
const TARGETS: Record<TargetName, (connection: Connection, size: number) => Promise<void>> = {
  async reply(connection, size) {
    tell(await drain(connection));
    await writeAndEnd(connection, pattern(size));
    connection.close();
  },
  async hold(connection) {
    await writeAll(connection, HELLO);
    tell(await drain(connection));
  },
  async "hang-up"(connection) {
    await writeAll(connection, HELLO);
    await readExactly(connection, HELLO.length);
    connection.reset();
  },
};

/** Runs an application that connects to an address. */
const APPLICATIONS: Record<ApplicationName, (to: Address) => Promise<void>> = {
  async answer(to) {
    using connection = await connect(to);
    await readExactly(connection, HELLO.length);
    await writeAll(connection, HELLO);
    console.log("answered");
    tell(await drain(connection));
  },
  async "break-off"(to) {
    using connection = await connect(to);
    await readExactly(connection, HELLO.length);
    await writeAll(connection, HELLO);
    connection.reset();
  },
  async listen(to) {
    tell(await listenTo(to));
  },
};

/** Starts a target at `at` and waits until it listens. */
export async function startTarget(
  name: TargetName | readonly TargetName[],
  at: string,
  options: RunOptions & { size?: number } = {},
): Promise<Program> {
  await using making = new AsyncDisposableStack();
  const program = making.use(Program.start(peerCommand(`${name}`, at, String(options.size ?? 0)), options));
  await program.waitForLine(/^listening/);
  making.move();
  return program;
}

/** The command of an application that connects to `to`. */
export function applicationCommand(name: ApplicationName | readonly ApplicationName[], to: string): string[] {
  return peerCommand(`${name}`, to);
}

function peerCommand(...args: string[]): string[] {
  return [Deno.execPath(), "run", "-A", "--no-config", "--no-lock", program(), ...args];
}

/** This module, or what the suite has bundled of it, which starts in half the processor's time. */
function program(): string {
  const [bundled] = (JSON.parse(Deno.env.get("MICSS_TEST_PROGRAM") ?? "[]") as string[]).slice(-1);
  if (bundled === undefined) return new URL(import.meta.url).pathname;
  return bundled.replace(/main\.js$/, "tests/support/programs/peer.js");
}

function tell({ bytes, sha256, ending }: Received): void {
  console.log(`received ${bytes} ${sha256} ${ending}`);
}

async function serve(at: Address, talks: readonly ((connection: Connection) => Promise<void>)[]): Promise<void> {
  const listener = systemNetwork.listen(at);
  console.log(`listening at ${formatAddress(listener.address)}`);
  let count = 0;
  for (let next = await listener.accept(); next !== null; next = await listener.accept()) {
    const talk = talks[Math.min(count++, talks.length - 1)]!;
    talk(next).catch((error) => console.log(`failed: ${error}`));
  }
}

if (import.meta.main) {
  const [list = "", address = "", size = "0"] = Deno.args;
  const names = list.split(",");
  if (names.every((name) => name in TARGETS)) {
    const talks = names.map((name) => (connection: Connection) =>
      TARGETS[name as TargetName](connection, Number(size))
    );
    await serve(parseAddress(address), talks);
  } else {
    for (const name of names) await APPLICATIONS[name as ApplicationName](parseAddress(address));
  }
}
