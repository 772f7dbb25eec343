/** Both handlers' admin interfaces during a transfer of known size. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { formatAddress, parseAddress } from "../../src/net/address.ts";
import type { Status } from "../../src/observe/status.ts";
import { type Handler, micssCommand, type Pair, startClient, startPair } from "../support/handlers/handlers.ts";
import { makeTempDir, Program, run } from "../support/programs/process.ts";
import { freePort, shared, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { connect, drain, flood, Target } from "../support/programs/tcp.ts";
import { CURL } from "./core.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const ADMIN = ["--admin", "127.0.0.1:0"];
const SIZE = 5_000_000;

/** A pair without sessions between tests, and its target. The first session is that of the test of a running one. */
const idlePair = shared(async () => {
  await using making = new AsyncDisposableStack();
  const target = making.use(new Target());
  const pair = making.use(await startPair({ target: target.address, flags: ADMIN }));
  const made = making.move();
  return { pair, target, [Symbol.asyncDispose]: () => made.disposeAsync() };
});

/** Requests a path of a handler's admin interface. */
async function ask(handler: Handler, path: string): Promise<string> {
  const { at } = await handler.waitForLog("admin");
  return (await run([...CURL, `http://${at}${path}`])).text();
}

/** The value of a metric with its labels, in the exposition format. */
function value(metrics: string, series: string): number {
  const line = metrics.split("\n").find((line) => line.startsWith(`${series} `));
  assert(line !== undefined, `${series} in:\n${metrics}`);
  return Number(line.slice(series.length + 1));
}

/** Bytes on each of a handler's channels in one direction. */
function bytes(metrics: string, direction: "in" | "out"): number[] {
  const lines = metrics.matchAll(/^micss_channel_bytes_total\{.*direction="(\w+)"\} (\d+)$/gm);
  return [...lines].filter(([, way]) => way === direction).map(([, , count]) => Number(count));
}

testWith(["curl", "nginx"], "a download shows in both handlers' metrics, on every channel, to the byte", async () => {
  const target = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  await using pair = await startPair({ target, flags: ADMIN });
  await using nginx = await startNginx([formatAddress(target)]);
  await Deno.writeFile(`${nginx.root}/file`, new Uint8Array(SIZE));
  await run([...CURL, "--output", "/dev/null", `http://${formatAddress(pair.entry)}/file`]);
  await pair.client.waitForLog("session ended");
  await pair.server.waitForLog("session ended");

  const look = () => Promise.all([ask(pair.client, "/metrics"), ask(pair.server, "/metrics")]);
  let [client, server] = await look();
  const agree = () =>
    `${bytes(client, "out")}` === `${bytes(server, "in")}` && `${bytes(client, "in")}` === `${bytes(server, "out")}`;
  // Either side acknowledges the last bytes a moment later, which may be between the looks at one side and the other.
  for (let tries = 0; tries < 50 && !agree(); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    [client, server] = await look();
  }
  const received = bytes(client, "in"), sent = bytes(server, "out");
  assertEquals(received.length, 3);
  assertEquals(received, sent);
  assertEquals(bytes(client, "out"), bytes(server, "in"));
  // Each channel carries a share as long as the whole message: the file, its HTTP head, and the heads of frames.
  for (const count of received) assert(count > SIZE && count < SIZE * 1.02, `${count}`);
  for (const metrics of [client, server]) {
    assertEquals(value(metrics, 'micss_sessions_total{outcome="ended"}'), 1);
    assertEquals(value(metrics, "micss_sessions"), 0);
    assertEquals(value(metrics, "micss_session_duration_seconds_count"), 1);
    assert(value(metrics, "micss_process_open_files") > 5);
    assert(value(metrics, "micss_process_resident_memory_bytes") > 10_000_000);
  }
  assertEquals(value(server, "micss_waiting_connections"), 0);
});

testWith(["curl", "promtool"], "promtool finds nothing wrong with the metrics of either handler", async () => {
  const { pair } = await idlePair();
  for (const handler of [pair.client, pair.server]) {
    const { stderr, stdout } = await run(["promtool", "check", "metrics"], { input: await ask(handler, "/metrics") });
    assertEquals([new TextDecoder().decode(stdout), stderr], ["", ""]);
  }
});

for (const file of ["alerts.yaml", "alerts_test.yaml"]) {
  testWith(["promtool"], `promtool takes deploy/prometheus/${file}`, async () => {
    const how = file.endsWith("_test.yaml") ? ["test", "rules"] : ["check", "rules"];
    assertMatch((await run(["promtool", ...how, `${ROOT}deploy/prometheus/${file}`])).text(), /SUCCESS/);
  });
}

/** All Prometheus queries in a part of a dashboard. */
function* expressions(part: unknown): Generator<string> {
  if (typeof part !== "object" || part === null) return;
  for (const [key, value] of Object.entries(part)) {
    if (key === "expr") yield String(value);
    else yield* expressions(value);
  }
}

testWith(["promtool"], "promtool accepts all queries of the dashboard, as recording rules", async () => {
  const dashboard = JSON.parse(await Deno.readTextFile(`${ROOT}deploy/prometheus/dashboard.json`));
  // Grafana replaces its own variables.
  const asked = [...expressions(dashboard)].map((text) => text.replaceAll("$__rate_interval", "1m"));
  assert(asked.length > 20);
  const rules = asked.map((expr, at) => ({ record: `dashboard:panel:${at}`, expr }));
  await using directory = await makeTempDir();
  const path = `${directory.path}/rules.yaml`;
  await Deno.writeTextFile(path, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
  assertMatch((await run(["promtool", "check", "rules", path])).text(), new RegExp(`SUCCESS: ${asked.length} rules`));
});

testWith(["curl"], "alert rules and dashboard query existing metrics only", async () => {
  const { pair } = await idlePair();
  const known = new Set<string>();
  for (const handler of [pair.client, pair.server]) {
    const metrics = await ask(handler, "/metrics");
    for (const [, name, type] of metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      for (const end of type === "histogram" ? ["_bucket", "_sum", "_count"] : [""]) known.add(`${name}${end}`);
    }
  }
  // These appear only once they have a value.
  for (const name of ["refusals_total", "identify_exchanges_total", "rules_in_place", "channel_kept_apart"]) {
    known.add(`micss_${name}`);
  }
  for (const file of ["alerts.yaml", "dashboard.json"]) {
    const text = await Deno.readTextFile(`${ROOT}deploy/prometheus/${file}`);
    const asked = new Set([...text.matchAll(/\bmicss_\w+/g)].map(([name]) => name));
    assert(asked.size > 5, file);
    assertEquals([...asked].filter((name) => !known.has(name)), [], file);
  }
});

testWith(["curl"], "a running session shows on both sides, and its reset with its cause", async () => {
  const { pair, target } = await idlePair();
  await sessions(pair, 0);
  using application = await connect(pair.entry);
  const served = await target.accept(pair);
  const flooding = flood(application, new Uint8Array(1000));
  const received = drain(served);
  await sessions(pair, 1);
  const [client, server] = await statuses(pair);
  assertEquals([client.sessions[0]!.to, client.sessions[0]!.port], ["web", 80]);
  assertEquals(server.sessions[0]!.to, formatAddress(target.address));
  assertEquals(client.pool?.busy, 1);
  for (const { associations, sessions: [session], streams } of [client, server]) {
    assertEquals([associations[0]!.id, associations[0]!.sessions, streams], [session!.association, 1, 1]);
  }
  application.reset();
  await Promise.all([flooding, received]);
  await sessions(pair, 0);
  assertEquals(value(await ask(pair.client, "/metrics"), 'micss_session_resets_total{cause="application"}'), 1);
  assertEquals(value(await ask(pair.server, "/metrics"), 'micss_session_resets_total{cause="other-side"}'), 1);
});

testWith(["curl"], "a client is ready once its server is, and names the missing channel until then", async () => {
  const port = freePort("127.0.0.1", "127.0.0.2");
  const channels = ["127.0.0.1", "127.0.0.2"].map((host) => ({ host, port }));
  const entry = `127.0.0.1:${freePort("127.0.0.1")}`;
  await using client = await startClient(channels, ["--forward", `${entry}=web:80`, ...ADMIN]);
  const { at } = await client.waitForLog("admin");
  const { stdout } = await run(["curl", "--silent", "--noproxy", "*", `http://${at}/readyz`]);
  const { ready, missing } = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals(ready, false);
  assertMatch(missing["server web"], /^channel [12] \(127\.0\.0\.[12]:\d+\): Connection refused$/);
  assertEquals(JSON.parse(await ask(client, "/status")).channels.length, 2);
});

testWith(
  [],
  "micss status lists peers over TCP and UNIX sockets, for people and for programs",
  async () => {
    await using directory = await makeTempDir();
    const { pair, target } = await idlePair();
    const path = `unix:${directory.path}/admin.sock`;
    const micss = await micssCommand();
    await sessions(pair, 0);
    using _application = await connect(pair.entry);
    await target.accept(pair);
    const { at } = await pair.client.waitForLog("admin");
    const table = (await run([...micss, "status", "--admin", String(at)], { cwd: ROOT })).text();
    assertMatch(table, /^client \S+, up .*, on \S+\n1 session, /);
    assertMatch(table, /^web 3 127\.0\.0\.3:\d+ +(unused|idle|flowing) /m);
    assertMatch(table, /^\S+ 127\.0\.0\.1:\d+ +web:80 /m);
    await using _other = await startClient(pair.channels, ["--forward", "127.0.0.1:0=web:80", "--admin", path]);
    const { stdout } = await run([...micss, "status", "--json", "--admin", path], { cwd: ROOT });
    const status: Status = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals([status.role, status.sessionCount], ["client", 0]);
  },
);

Deno.test("micss status --watch updates every second until interrupted, with --json one line each time", async () => {
  const { pair, target } = await idlePair();
  const { at } = await pair.client.waitForLog("admin");
  const watch = [...await micssCommand(), "status", "--watch", "--admin", String(at)];
  await using forPeople = Program.start(watch, { cwd: ROOT });
  await using forPrograms = Program.start([...watch, "--json"], { cwd: ROOT });
  const hasSessions = (count: number) => (line: string) => JSON.parse(line).sessionCount === count;
  await Promise.all([
    forPeople.waitForLine(/^0 sessions, /),
    forPrograms.waitForLine(hasSessions(0), "no session"),
  ]);
  using _application = await connect(pair.entry);
  await target.accept(pair);
  await Promise.all([
    forPeople.waitForLine(/^1 session, /),
    forPeople.waitForLine(/^\S+ 127\.0\.0\.1:\d+ +web:80 /),
    forPrograms.waitForLine(hasSessions(1), "a session"),
  ]);
  for (const program of [forPeople, forPrograms]) program.signal("SIGINT");
  assertEquals([await forPeople.exited, await forPrograms.exited], [0, 0]);
});

Deno.test("micss status --watch ends when the reader of its output has gone", async () => {
  const { pair } = await idlePair();
  const { at } = await pair.server.waitForLog("admin");
  const watch = [...await micssCommand(), "status", "--watch", "--admin", String(at)];
  // The shell waits for both ends of the pipe.
  const firstLine = await run(["sh", "-c", '"$@" | head -n 1', "sh", ...watch], { cwd: ROOT });
  assertMatch(firstLine.text(), /^server .+\n$/);
});

testWith([], "micss status says in one line that no handler answers, and exits with 1", async () => {
  const admin = `127.0.0.1:${freePort("127.0.0.1")}`;
  const command = [...await micssCommand(), "status", "--admin", admin];
  const { code, stderr } = await run(command, { cwd: ROOT, mayFail: true });
  assertEquals(code, 1);
  assertEquals(stderr, `micss status: ${admin}: Connection refused; start a handler with --admin\n`);
});

testWith([], "a handler whose admin address is taken fails to start and says why", async () => {
  const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const flags = ["--channel", "127.0.0.1:0", "--channel", "127.0.0.2:0", "--target", "80=127.0.0.1:1"];
    const admin = formatAddress(parseAddress(`127.0.0.1:${taken.addr.port}`));
    const command = [...await micssCommand(), "server", ...flags, "--admin", admin];
    const { code, stderr } = await run(command, { cwd: ROOT, mayFail: true });
    assertEquals(code, 1);
    assertMatch(stderr, /can't start reason="admin: can't listen at 127\.0\.0\.1:\d+: another program listens there;/);
  } finally {
    taken.close();
  }
});

async function statuses({ client, server }: Pair): Promise<[Status, Status]> {
  const [one, other] = await Promise.all([ask(client, "/status"), ask(server, "/status")]);
  return [JSON.parse(one), JSON.parse(other)];
}

/** Waits until both sides have `count` sessions. */
async function sessions(pair: Pair, count: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await statuses(pair)).every(({ sessionCount }) => sessionCount === count)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`No ${count} sessions: ${pair.describe()}`);
}
