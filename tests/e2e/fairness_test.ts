/** A small exchange on the association that another session fills. */
import { assert, assertEquals } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { type Handler, startClient, startServer } from "../support/handlers/handlers.ts";
import { Program } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { connect, pattern, readExactly, Target } from "../support/programs/tcp.ts";

/** Number of small exchanges of a session in a round. */
const COUNT = 20;

/** Maximum time of a small exchange while another session is saturated, in milliseconds: on an idle machine. */
const PATIENCE = 100;

/**
 * On a busy machine, an exchange may take longer when one of the same handlers, on an association of its own, does too: at
 * most this multiple of that one's time, and this time in milliseconds.
 */
const TIMES = 3, LONGEST = 2_000;

/** Maximum rounds of exchanges, one of which must be prompt: an unfair handler is slow in every one. */
const TRIES = 8;

/** Both ends of a session, in the order in which a small exchange passes them. */
type Ends = readonly [near: Connection, far: Connection];

/** Makes small exchanges on each of some sessions in turns. @returns The longest times of each, in milliseconds. */
async function exchanged(sessions: readonly Ends[]): Promise<number[]> {
  const took: number[][] = sessions.map(() => []);
  const question = pattern(100);
  for (let i = 0; i < COUNT; i++) {
    for (const [at, [near, far]] of sessions.entries()) {
      const began = performance.now();
      await writeAll(near, question);
      await writeAll(far, await readExactly(far, question.length));
      await readExactly(near, question.length);
      took[at]!.push(performance.now() - began);
    }
  }
  return took.map((times) => Math.max(...times));
}

/** The associations of the client's sessions, in the sessions' order. */
function associations(client: Handler): string[] {
  return client.logged("session").map(({ session }) => String(session).split(".")[0]!);
}

/** Opens a session on an association of its own, which a client makes once the only one is filled. */
async function elsewhere(client: Handler, entry: Address, target: Target): Promise<Disposable & { ends: Ends }> {
  for (let tries = 0; tries < 50; tries++) {
    const near = await connect(entry), far = await target.accept(client);
    if (new Set(associations(client)).size > 1) {
      return { ends: [near, far], [Symbol.dispose]: () => near.reset() };
    }
    near.reset();
    far.reset();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`No second association of ${client.describe()}`);
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

    assertEquals(new Set(associations(client)).size, 1);
    const apart = stack.use(await elsewhere(client, small!, target));

    // An unfair handler is slow in every round.
    const rounds: number[][] = [];
    let isPrompt = false;
    for (let tries = 0; tries < TRIES && !isPrompt; tries++) {
      const [beside, alone] = await exchanged([[near, far], apart.ends]);
      isPrompt = beside! < PATIENCE || beside! < Math.min(TIMES * alone!, LONGEST);
      rounds.push([beside!, alone!]);
    }
    assert(
      isPrompt,
      `${rounds.map((round) => round.map((ms) => ms.toFixed(0)).join(" and elsewhere ")).join("; ")} ms`,
    );
  });
}
