/** A small exchange on the association that another session fills. */
import { assertEquals, assertLess } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { startClient, startServer } from "../support/handlers/handlers.ts";
import { Program } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { connect, pattern, readExactly, Target } from "../support/programs/tcp.ts";

/** Maximum time of 99 of 100 small exchanges while another session is saturated, in milliseconds. */
const PATIENCE = 100;

/** Maximum rounds of exchanges; the machine must be idle in at least one. */
const TRIES = 8;

/** The 99th percentile of an exchange's time, in milliseconds. */
async function exchanged(near: Connection, far: Connection): Promise<number> {
  const took: number[] = [];
  const question = pattern(100);
  for (let i = 0; i < 100; i++) {
    const began = performance.now();
    await writeAll(near, question);
    await writeAll(far, await readExactly(far, question.length));
    await readExactly(near, question.length);
    took.push(performance.now() - began);
  }
  return took.toSorted((a, b) => a - b)[98]!;
}

for (const direction of ["up", "down"] as const) {
  const name = `a small exchange stays prompt while another session of its association is saturated ${direction}`;
  testWith(["nc"], name, async () => {
    await using stack = new AsyncDisposableStack();
    const target = stack.use(new Target());
    const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    const port = freePort(...hosts);
    const channels = hosts.map((host) => ({ host, port }));
    const [small, busy, sink] = [0, 1, 2].map(() => ({ host: "127.0.0.1", port: freePort("127.0.0.1") }));
    const flags = ["--target", `81=${formatAddress(sink!)}`];
    stack.use(await startServer(channels, `80=${formatAddress(target.address)}`, { flags }));
    const entries = [`${formatAddress(small!)}=web:80`, `${formatAddress(busy!)}=web:81`];
    const client = stack.use(await startClient(channels, entries.flatMap((entry) => ["--forward", entry])));

    const near = stack.use(await connect(small!));
    const far = await target.accept(client);
    // Other processes carry the load: a test that also moves it would measure itself.
    const shell = (command: string) => stack.use(Program.start(["sh", "-c", `echo started; exec ${command}`]));
    const [there, here] = direction === "up" ? [">/dev/null", "</dev/zero"] : ["</dev/zero >/dev/null", ">/dev/null"];
    await shell(`nc -v -l ${sink!.host} ${sink!.port} ${there}`).waitForLine(/[Ll]istening/);
    await shell(`nc ${direction === "up" ? "" : "-d "}${busy!.host} ${busy!.port} ${here}`).waitForLine(/started/);
    await client.waitForLog("session", { port: 81 });

    // An unfair handler is slow in every round.
    let fastest = Infinity;
    for (let tries = 0; tries < TRIES && fastest >= PATIENCE; tries++) {
      fastest = Math.min(fastest, await exchanged(near, far));
    }
    assertLess(fastest, PATIENCE);
    const sessions = client.logged("session").map(({ session }) => String(session).split(".")[0]);
    assertEquals(new Set(sessions).size, 1);
  });
}
