import { assert, assertEquals } from "@std/assert";
import { formatAddress, parseAddress } from "../../src/net/address.ts";
import { writeAll } from "../../src/net/connection.ts";
import { startPair } from "../support/handlers/handlers.ts";
import { bounded, Program, run } from "../support/programs/process.ts";
import { shared, testWith } from "../support/programs/programs.ts";
import { startSshd } from "../support/programs/sshd.ts";
import { connect, pattern, readExactly, sha256, Target } from "../support/programs/tcp.ts";
import { openForward } from "./paths.ts";

/** A pair, and its target. */
const toTarget = shared(async () => {
  await using making = new AsyncDisposableStack();
  const target = making.use(new Target());
  const pair = making.use(await startPair({ target: target.address }));
  const made = making.move();
  return { pair, target, [Symbol.asyncDispose]: () => made.disposeAsync() };
});

testWith(["ssh", "sshd", "ssh-keygen"], "ssh, whose server speaks first, runs a command", async () => {
  await using sshd = await startSshd();
  await using pair = await startPair({ target: { host: "127.0.0.1", port: sshd.port } });
  const input = pattern(3_000_000);
  const { stdout } = await run([...sshd.login(pair.entry.port), "echo before; cat; echo after"], { input });
  const expected = new Uint8Array([
    ...new TextEncoder().encode("before\n"),
    ...input,
    ...new TextEncoder().encode("after\n"),
  ]);
  assertEquals(sha256(stdout), sha256(expected));
});

testWith(
  ["iperf3"],
  "iperf3, which controls a test over a separate connection, sends 20 MB up and down",
  async () => {
    await using path = await openForward();
    const { host, port } = parseAddress(path.target);
    const entry = parseAddress(path.entry);
    const client = ["iperf3", "-c", entry.host, "-p", `${entry.port}`, "--json", "-n", "20M"];
    for (const direction of [[], ["--reverse"]]) {
      // One server per test: between two, it reopens its listener, and resets connections made meanwhile.
      await using server = Program.start(["iperf3", "-s", "-1", "-B", host, "-p", `${port}`, "--forceflush"]);
      await server.waitForLine(/Server listening/);
      const { end, error } = JSON.parse((await run([...client, ...direction])).text());
      assertEquals(error, undefined);
      assert(end.sum_sent.bytes >= 20_000_000, `iperf3 sent ${end.sum_sent.bytes} bytes`);
      assert(end.sum_received.bytes > 0, "iperf3 received nothing");
      assertEquals(await bounded(server.exited, () => `the end of ${server.describe()}`), 0);
    }
  },
);

Deno.test("50 sessions are open at once, and each carries its own bytes both ways", async () => {
  const { pair, target } = await toTarget();
  using applications = new DisposableStack();
  const sessions = await Promise.all(Array.from({ length: 50 }, async (_, seed) => {
    const application = applications.use(await connect(pair.entry));
    await writeAll(application, pattern(1_000, seed));
    return { application, seed };
  }));
  // Accept all target connections before answering any, so that all sessions are open together.
  const served = [];
  for (const _ of sessions) {
    const connection = await target.accept(pair);
    served.push({ connection, heard: await readExactly(connection, 1_000) });
  }
  for (const { connection, heard } of served) await writeAll(connection, heard.toReversed());
  for (const { application, seed } of sessions) {
    assertEquals(await readExactly(application, 1_000), pattern(1_000, seed).toReversed());
  }
});

Deno.test("a greeting from the target arrives before the application has sent anything", async () => {
  const { pair, target } = await toTarget();
  using application = await connect(pair.entry);
  const served = await target.accept(pair);
  const greeting = new TextEncoder().encode(`220 ${formatAddress(target.address)} ready\r\n`);
  await writeAll(served, greeting);
  assertEquals(await readExactly(application, greeting.length), greeting);
});
