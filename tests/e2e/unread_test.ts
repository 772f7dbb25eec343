import { assert, assertEquals } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { micssCommand, startServer } from "../support/handlers/handlers.ts";
import { bounded, LONG_PATIENCE, Program } from "../support/programs/process.ts";
import { freePort, shared, testWith } from "../support/programs/programs.ts";

const UNREAD = new URL("../support/unread.py", import.meta.url).pathname;

/** Starts `micss` with a full pipe that nothing reads as one of its standard streams. */
async function startUnread(stream: "stdout" | "stderr", ...args: string[]): Promise<Program> {
  return Program.start(["python3", UNREAD, stream, ...await micssCommand(), ...args], {
    cwd: new URL("../../", import.meta.url).pathname,
  });
}

/** Connects until something listens. */
async function connect(port: number): Promise<Deno.TcpConn> {
  for (;;) {
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** A server handler, and its target's listener. */
const serving = shared(async () => {
  const target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const hosts = ["127.0.0.1", "127.0.0.2"], port = freePort(...hosts);
  const channels = hosts.map((host) => ({ host, port }));
  const server = await startServer(channels, `80=127.0.0.1:${target.addr.port}`);
  const dispose = async () => {
    target.close();
    await server[Symbol.asyncDispose]();
  };
  return { target, channels, [Symbol.asyncDispose]: dispose };
});

for (const workers of [1, 2]) {
  testWith(["python3"], `an unread log blocks neither sessions nor the exit, workers ${workers}`, async () => {
    const { target, channels } = await serving(), forward = freePort("127.0.0.1");
    await using client = await startUnread(
      "stderr",
      "client",
      "--server",
      `web=${channels.map(formatAddress).join()}`,
      "--forward",
      `127.0.0.1:${forward}=web:80`,
      "--log-level=debug",
      `--workers=${workers}`,
    );
    for (let session = 0; session < 20; session++) {
      const application = await bounded(connect(forward), () => "a listener");
      const served = target.accept().then(async (conn) => {
        await conn.write(new Uint8Array([session]));
        conn.close();
      });
      const byte = new Uint8Array(1);
      assertEquals(await bounded(application.read(byte), () => `session ${session}`), 1);
      assertEquals(byte[0], session);
      await served;
      application.close();
    }
    // Within the drain time and the wait for the log's reader, without SIGKILL.
    const code = await client.stop("SIGTERM", LONG_PATIENCE);
    assert(code === 0 || code === 1, `ended with ${code}`);
  });
}

testWith(["python3"], "a demo whose output is unread exits on SIGTERM with that status", async () => {
  await using demo = await startUnread("stdout", "demo");
  await new Promise((resolve) => setTimeout(resolve, 3000));
  assertEquals(await demo.stop("SIGTERM", LONG_PATIENCE), 128 + 15);
});
