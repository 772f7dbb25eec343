/** What strangers in numbers can't do to a server handler: real sockets, and a real limit on files. */
import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { initiate } from "../../src/association/initiate.ts";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { writeAll } from "../../src/net/connection.ts";
import { systemNetwork } from "../../src/net/tcp.ts";
import { Handler, startClient, startServer } from "../support/handlers.ts";
import "../support/native.ts";
import { makeTempDir, Program, type RunOptions } from "../support/process.ts";
import { freePort, testWith } from "../support/programs.ts";
import { connect, pattern, readExactly, Target } from "../support/programs_tcp.ts";

const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

const SOCKETS = 5000;
const SOURCES = 100;

/** How long associating may take a legitimate client meanwhile, in milliseconds. */
const SOON = 1000;

/** How often it associates, and how often this machine may have other things to do. */
const TIMES = 30, BUSY = 3;

// With few files there is no room for all strangers, and they come back as soon as they had to go.
for (const files of [1024, 8192]) {
  const name = `${SOCKETS} strangers from ${SOURCES} sources keep nobody from associating at once, with ${files} files`;
  testWith(["python3"], name, async () => {
    const channels = channelsAt(freePort(...HOSTS));
    await using server = await startServer(channels, "80=127.0.0.1:1", limited(files));
    const script = new URL("slowloris.py", import.meta.url).pathname;
    const command = ["python3", script, `${SOCKETS}`, `${SOURCES}`, ...channels.map(formatAddress)];
    await using strangers = Program.start(command);
    await strangers.waitForLine((line) => Number(/opened (\d+)/.exec(line)?.[1]) >= SOCKETS, "all opened", 60_000);

    const took: number[] = [];
    for (let time = 0; time < TIMES; time++) {
      took.push(await associate(channels));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const slow = took.toSorted((a, b) => b - a)[BUSY]!;
    assertLess(slow, SOON, `${took}\n${strangers.describe()}\n${server.describe()}`);
    assertEquals(server.logged("accepting fails"), []);
  });
}

testWith(
  ["sh"],
  "when files have run out, sessions go on, and others are taken as soon as there are files again",
  async () => {
    using target = new Target();
    const channels = channelsAt(freePort(...HOSTS));
    await using directory = await makeTempDir();
    const file = `${directory.path}/server.yaml`;
    // So many that only the system keeps them out.
    const limits = "limits: {waiting: 1000, waiting-per-source: 1000, associations: 10}\ntimeouts: {handshake: 1m}";
    const to = `targets: {80: "${formatAddress(target.address)}"}`;
    await Deno.writeTextFile(file, `channels: [${channels.map(formatAddress)}]\n${to}\n${limits}\n`);
    await using server = await Handler.start("server", ["--config", file], limited(100));
    assertEquals((await server.waitForLog("few open files")).limit, 100);
    const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
    await using _client = await startClient(channels, ["--forward", `${formatAddress(entry)}=web:80`]);
    using application = await connect(entry);
    const served = await target.accept(server);

    using strangers = new DisposableStack();
    for (let index = 0; index < 100; index++) strangers.use(await connect(channels[index % 3]!));
    const { reason } = await server.waitForLog("accepting fails");
    assertStringIncludes(String(reason), "Too many open files");
    await writeAll(application, pattern(10_000));
    assertEquals(await readExactly(served, 10_000), pattern(10_000));

    strangers.dispose();
    await associate(channels);
    assertEquals(server.logged("accepting fails").length <= 3, true, server.describe());
  },
);

function channelsAt(port: number): Address[] {
  return HOSTS.map((host) => ({ host, port }));
}

/** Runs a program with a limit on the files that it may have open. */
function limited(files: number): RunOptions {
  return { within: ["sh", "-c", `ulimit -n ${files} && exec "$0" "$@"`] };
}

/** How long it takes to associate, in milliseconds. */
async function associate(channels: Address[]): Promise<number> {
  const before = performance.now();
  (await initiate(channels, { network: systemNetwork })).end();
  return performance.now() - before;
}
