/** From nothing to curl by invitation, and back by revocation, with real processes. */
import { setTimeout as sleep } from "node:timers/promises";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Handler, micssCommand } from "../support/handlers/handlers.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { makeTempDir, type Outcome, Program, run } from "../support/programs/process.ts";
import { freePort, freePorts, testWith } from "../support/programs/programs.ts";
import { makeTopology } from "../support/system/namespaces.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const TERMINAL = new URL("terminal.py", import.meta.url).pathname;

/** curl, which takes the proxy that it is given. */
const CURL = ["curl", "--silent", "--show-error", "--fail", "--max-time", "30"];

/**
 * Time in which two people get from nothing to an answer, their own time aside: in milliseconds on an idle machine, and as
 * a multiple of the time that a command which does nothing takes on a busy one.
 */
const GOAL = 15_000, BY_NOTHING = 15;

/** Number of sessions in a row that must be refused, at all workers of either side. */
const REFUSALS = 12;

interface Options {
  readonly input?: string;
  readonly env?: Record<string, string>;
  readonly within?: readonly string[];
  readonly mayFail?: boolean;
}

/** Runs a command of `micss` to its end. */
async function micss(args: readonly string[], options: Options = {}): Promise<Outcome> {
  return await run([...await micssCommand(), ...args], { cwd: ROOT, ...options });
}

/** Time that a command takes which does nothing, in milliseconds. */
async function timeOfNothing(): Promise<number> {
  const began = performance.now();
  await micss(["version"]);
  return performance.now() - began;
}

/** Asserts that nothing of an invitation, and no key, is in a text. */
function assertNoSecret(text: string, line: string): void {
  const [, secret] = line.trim().split(" ");
  assert(!text.includes(secret!.slice(10, 40)), text);
  assert(!text.includes("micss-ed25519-v1"), text);
}

testWith(
  ["network namespaces", "curl", "nginx"],
  "two people on two hosts go from nothing to curl in two commands each",
  async () => {
    await using topology = await makeTopology();
    await using directory = await makeTempDir();
    const { near, far, ipv4 } = topology;
    await using nginx = await startNginx(["127.0.0.1:8080"], far);
    await Deno.writeTextFile(`${nginx.root}/index.html`, "hello\n");
    const server = { within: far.within, env: { XDG_STATE_HOME: `${directory.path}/server` } };
    const client = { within: near.within, env: { XDG_STATE_HOME: `${directory.path}/client` } };
    const channels = ipv4.flatMap((host) => ["--channel", host]);
    const before = await timeOfNothing(), began = performance.now();
    const { text, stderr } = await micss(["invite", "alice", ...channels, "--as", "web"], server);
    await using serving = await Handler.start("server", [...channels, "--target", "80=127.0.0.1:8080"], server);
    const line = text();
    assertMatch(stderr, /^Invitation for alice/);
    const joined = await micss(["join"], { ...client, input: line });
    assertMatch(joined.text(), /^Joined web as alice, over 3 channels/);
    await using running = await Handler.start("client", [], client);
    const { try: command } = await running.waitForLog("joined servers", { names: "web" });
    assertEquals(command, "curl --proxy socks5h://127.0.0.1:1080 http://web/");
    const [, ...args] = String(command).split(" ");
    assertEquals((await run([...CURL, ...args], near)).text(), "hello\n");
    const took = performance.now() - began;
    const limit = GOAL + BY_NOTHING * Math.max(before, await timeOfNothing());
    assert(took < limit, `${took} ms of ${limit} ms`);
    await serving.waitForLog("session ended", { name: "alice" });
    for (const one of [serving.describe(), running.describe(), stderr, joined.text(), joined.stderr]) {
      assertNoSecret(one, line);
    }
    assertStringIncludes((await micss(["paths"], { ...client, mayFail: true })).text(), ipv4[2]!);
    // A stranger who knows every address gets nothing.
    const flags = ["--server", `web=${ipv4.join()}`, "--socks5", "127.0.0.1:1081"];
    await using stranger = await Handler.start("client", flags, { ...client, env: { XDG_STATE_HOME: directory.path } });
    const refused = await run([...CURL, "--proxy", "socks5h://127.0.0.1:1081", "http://web/"], {
      ...near,
      mayFail: true,
    });
    assert(refused.code !== 0);
    await stranger.waitForLog("session reset");
  },
);

testWith(
  ["curl", "nginx"],
  "workers share clients: an invitation to a running server, and its revocation",
  async () => {
    await using directory = await makeTempDir();
    const hosts = ["127.0.0.1", "127.0.0.2"], port = freePorts(2, ...hosts), target = freePort("127.0.0.1");
    await using nginx = await startNginx([`127.0.0.1:${target}`]);
    await Deno.writeFile(`${nginx.root}/large`, new Uint8Array(20_000_000));
    await Deno.writeTextFile(`${nginx.root}/small`, "hello\n");
    const state = ["--state", `${directory.path}/server`], kept = ["--state", `${directory.path}/client`];
    const channels = hosts.flatMap((host) => ["--channel", `${host}:${port}`]);
    const target80 = ["--target", `80=127.0.0.1:${target}`, "--target", `81=127.0.0.1:${target}`];
    await using server = await Handler.start("server", [...channels, ...target80, ...state, "--workers", "2"]);
    // The server has left its addresses in the state directory.
    const line = (await micss(["invite", "alice", "--as", "web", "--port", "80", ...state])).text();
    const joins = await Promise.all(
      [kept, ["--state", `${directory.path}/other`]].map((kept) =>
        micss(["join", ...kept], { input: line, mayFail: true })
      ),
    );
    assertEquals(joins.map(({ code }) => code).toSorted(), [0, 1]);
    const loser = joins.find(({ code }) => code === 1)!;
    assertMatch(loser.stderr, /^micss join: the server refused the invitation: it was used or withdrawn already/);
    const winner = joins[0]!.code === 0 ? kept : ["--state", `${directory.path}/other`];
    const socks = `127.0.0.1:${freePort("127.0.0.1")}`, proxy = ["--proxy", `socks5h://${socks}`];
    await using client = await Handler.start("client", ["--socks5", socks, ...winner, "--workers", "2"]);
    const answers = await Promise.all(Array.from({ length: 8 }, () => run([...CURL, ...proxy, "http://web/small"])));
    assertEquals(answers.map((answer) => answer.text()), answers.map(() => "hello\n"));
    const elsewhere = await run([...CURL, ...proxy, "http://web:81/small"], { mayFail: true });
    assert(elsewhere.code !== 0);
    await server.waitForLog("session refused", { reason: "this client may not reach this port" });

    // Slow enough to be under way for minutes.
    const slow = [...CURL, "--limit-rate", "100k", "--output", "/dev/null", ...proxy, "http://web/large"];
    await using downloads = new AsyncDisposableStack();
    for (let count = 0; count < 4; count++) downloads.use(Program.start(slow));
    await server.waitForLogs(12, "session");
    assertMatch((await micss(["clients", "list", ...state])).text(), /^alice +[0-9a-f]{16} +80 +joined /m);
    const began = performance.now();
    await micss(["clients", "revoke", "alice", ...state]);
    await client.waitForLogs(4, "session reset");
    // A small part of what the downloads take.
    assert(performance.now() - began < 60_000);
    await server.waitForLog("client refused", { reason: "alice is not admitted any more" });
    // Another worker may hear of it a moment later than the first one that refuses.
    const refused = async () => (await run([...CURL, ...proxy, "http://web/small"], { mayFail: true })).code !== 0;
    for (let times = 0, inRow = 0; inRow < REFUSALS; times++) {
      assert(times < 100, "a client that is revoked is still served");
      if (await refused()) inRow++;
      else {
        inRow = 0;
        await sleep(100);
      }
    }
    const again = await micss(["join", ...winner], { input: line, mayFail: true });
    assertEquals(again.code, 1);
    assertStringIncludes(again.stderr, "its server has removed this client; ask for a new invitation");
    assertNoSecret(server.describe() + client.describe(), line);
  },
);

testWith(["python3"], "a terminal is prompted for the invitation, and does not show it", async () => {
  await using directory = await makeTempDir();
  const hosts = ["127.0.0.1", "127.0.0.2"], port = freePort(...hosts);
  const state = ["--state", `${directory.path}/server`];
  const channels = hosts.flatMap((host) => ["--channel", `${host}:${port}`]);
  const line = (await micss(["invite", "alice", "--as", "web", ...channels, ...state])).text();
  await using _server = await Handler.start("server", [...channels, "--target", "80=127.0.0.1:1", ...state]);
  const command = ["python3", TERMINAL, ...await micssCommand(), "join", "--state", `${directory.path}/client`];
  const shown = (await run(command, { cwd: ROOT, input: `${line.trim()}\r` })).text();
  assertMatch(shown, /^Paste the invitation \(it is not shown\), then press Enter: \r?\nJoined web as alice/);
  assertNoSecret(shown, line);
  const cancelled = await run(command, { cwd: ROOT, input: "abc\x03", mayFail: true });
  assertEquals([cancelled.code, cancelled.text().includes("abc")], [130, false]);
});

testWith([], "join explains in one line what is wrong", async () => {
  await using directory = await makeTempDir();
  const hosts = ["127.0.0.1", "127.0.0.2"], port = freePort(...hosts);
  const channels = hosts.flatMap((host) => ["--channel", `${host}:${port}`]);
  const invited = await micss(["invite", "alice", "--as", "web", ...channels, "--state", `${directory.path}/server`]);
  const line = invited.text();
  const join = async (input: string, ...args: string[]) => {
    const { code, stderr } = await micss(["join", "--state", `${directory.path}/client`, ...args], {
      input,
      mayFail: true,
    });
    return [code, stderr];
  };
  assertEquals(await join(line.slice(0, 100)), [
    2,
    "micss join: the invitation is truncated or altered; copy the whole line again\n",
  ]);
  assertEquals(await join(""), [
    2,
    "micss join: not an invitation: paste the whole line that micss invite printed, from micss-invite-v1 on\n",
  ]);
  const [status, message] = await join("", line.trim());
  assertEquals(status, 2);
  assertMatch(String(message), /^micss join: other users of this machine can read arguments; [^\n]+\n$/);
  assertNoSecret(String(message), line);
  const [code, unreachable] = await join(line);
  assertEquals(code, 1);
  assertMatch(String(unreachable), /^micss join: channel [12] \(127\.0\.0\.[12]:\d+\): [^\n]*refused[^\n]*\n$/);
});
