/** The admin interface over real sockets, with a handler that does nothing. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { toText } from "@std/streams";
import { ask, NoAnswer } from "../../../src/observe/admin/ask.ts";
import type { AdminAddress } from "../../../src/config/admin.ts";
import { systemClock } from "../../../src/time/clock.ts";
import { StartError } from "../../../src/net/listen/listen.ts";
import { Activity } from "../../../src/observe/activity.ts";
import { Admin } from "../../../src/observe/admin/admin.ts";
import type { Check } from "../../../src/observe/readiness.ts";
import { silentLog } from "../../../src/log/log.ts";
import type { Observable } from "../../../src/observe/observable.ts";
import { Recent } from "../../../src/log/recent.ts";
import { HandlerView } from "../../../src/observe/view.ts";
import "../../support/system/native.ts";
import { makeTempDir } from "../../support/programs/process.ts";

const ANY: AdminAddress = { host: "127.0.0.1", port: 0 };

function idleHandler(): Observable {
  const activity = new Activity(systemClock);
  activity.channels.know("web", [{ host: "192.0.2.1", port: 6522 }, { host: "192.0.2.2", port: 6522 }]);
  return { role: "client", activity, levels: () => ({ limits: [{ name: "sessions", value: 9, used: 1 }] }) };
}

function start(address: AdminAddress = ANY, checks: Check[] = [], recent = new Recent()): Promise<Admin> {
  const view = () => new HandlerView(idleHandler(), "1.2.3");
  return Admin.start(address, { view, recent, checks: () => checks, version: "1.2.3", clock: systemClock });
}

function portOf({ address }: Admin): number {
  return "port" in address ? address.port : 0;
}

/** Sends a raw request. @returns The whole answer. */
async function send(port: number, request: string): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const { readable, writable } = connection;
  const writer = writable.getWriter();
  // The server may refuse a request before it has read all of it.
  writer.write(new TextEncoder().encode(request)).catch(() => {});
  return await toText(readable);
}

const get = (admin: Admin, path: string, headers = "Host: 127.0.0.1\r\n", method = "GET", body = "") =>
  send(portOf(admin), `${method} ${path} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n${body}`);

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);

Deno.test("/healthz says ok, and every answer has headers against use by other sites", async () => {
  await using admin = await start();
  const answer = await get(admin, "/healthz");
  assertMatch(answer, /^HTTP\/1\.1 200 .*\r\n\r\nok\n$/s);
  assertMatch(answer, /^content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';.*$/mi);
  assert(!answer.includes("unsafe-inline"));
  for (const header of ["nosniff", "no-referrer", "no-store", "same-origin"]) assert(answer.includes(header), header);
});

Deno.test("/readyz answers 200, or 503 with what is missing", async () => {
  const broken: Check = { name: "server web", need: "any", run: () => Promise.reject(new Error("channel 2: refused")) };
  await using lacking = await start(ANY, [broken]);
  const answer = await get(lacking, "/readyz");
  assertEquals(statusOf(answer), 503);
  assert(
    answer.endsWith('{"ready":false,"missing":{"server web":"channel 2: refused"},"degraded":{},"unknown":{}}'),
    answer,
  );
  await using whole = await start();
  assert((await get(whole, "/readyz")).endsWith('{"ready":true,"missing":{},"degraded":{},"unknown":{}}'));
  whole.ending();
  assertEquals(statusOf(await get(whole, "/readyz")), 503);
  assertEquals(statusOf(await get(whole, "/healthz")), 200);
});

Deno.test("/metrics is Prometheus's text format, each metric with our prefix and a help text", async () => {
  await using admin = await start();
  const answer = await get(admin, "/metrics");
  assertMatch(answer, /^content-type: text\/plain; version=0\.0\.4; charset=utf-8\r$/mi);
  assertMatch(answer, /^micss_info\{version="1\.2\.3",role="client"\} 1$/m);
  assertMatch(
    answer,
    /^micss_channel_bytes_total\{server="web",channel="2",address="192\.0\.2\.2:6522",direction="in"\} 0$/m,
  );
  const names = [...answer.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
  assert(names.length > 20);
  assertEquals(names.filter((name) => !/^micss_[a-z_]+$/.test(name)), []);
  assertEquals([...answer.matchAll(/^# HELP (\S+) .+\.$/gm)].map(([, name]) => name), names);
});

Deno.test("/status is JSON with the channels and the last log lines", async () => {
  const recent = new Recent();
  recent.of(silentLog).warn("session reset", { reason: "channel 2" });
  await using admin = await start(ANY, [], recent);
  const status = JSON.parse(await ask(admin.address, "/status"));
  assertEquals([status.role, status.version, status.pid, status.sessionCount], ["client", "1.2.3", Deno.pid, 0]);
  assertEquals(status.channels.map(({ channel, state }: Record<string, unknown>) => [channel, state]), [
    [1, "unused"],
    [2, "unused"],
  ]);
  assertEquals(status.events[0].fields, { reason: "channel 2" });
  assertEquals(status.limits, [{ name: "sessions", value: 9, used: 1 }]);
});

Deno.test("/events sends the history, then the status each second with new log lines only", async () => {
  const recent = new Recent();
  const log = recent.of(silentLog);
  log.info("before");
  await using admin = await start(ANY, [], recent);
  const response = await fetch(`http://127.0.0.1:${portOf(admin)}/events`);
  assertEquals(response.headers.get("content-type"), "text/event-stream");
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const until = async (count: number) => {
    while (text.split("\n\n").length <= count) text += (await reader.read()).value;
    const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(text.split("\n\n")[count - 1]!)!;
    return [event, JSON.parse(data!)];
  };
  assertEquals(await until(1), ["history", []]);
  const [, first] = await until(2);
  assertEquals(first.events.map(({ event }: { event: string }) => event), ["before"]);
  log.info("after");
  const [, second] = await until(3);
  assertEquals(second.events.map(({ event }: { event: string }) => event), ["after"]);
  await reader.cancel();
});

Deno.test("the number of event streams is limited", async () => {
  await using admin = await start();
  const url = `http://127.0.0.1:${portOf(admin)}/events`;
  const responses = await Promise.all(Array.from({ length: 17 }, () => fetch(url)));
  assertEquals(responses.map(({ status }) => status).sort(), [...Array(16).fill(200), 503]);
  await Promise.all(responses.map((response) => response.body?.cancel()));
});

Deno.test("the page and all of its files are served", async () => {
  await using admin = await start();
  const page = await get(admin, "/");
  assertMatch(page, /^content-type: text\/html; charset=utf-8\r$/mi);
  const needed = [...page.matchAll(/(?:href|src)="(\/[^"]*)"/g)].map(([, path]) => path!);
  assert(needed.length >= 5, `${needed}`);
  for (const path of needed) assertEquals(statusOf(await get(admin, path)), 200, path);
  // No inline script or style, and nothing from another site.
  assert(!/<style|<script>|style=|\son[a-z]+=|https?:/.test(page.slice(page.indexOf("\r\n\r\n"))));
});

Deno.test("a Host header with another name is refused: it may be another site's", async () => {
  await using admin = await start();
  for (
    const host of ["evil.example", "evil.example:9652", "127.0.0.1.evil.example", "localhost.evil", "[::1].evil", ""]
  ) {
    assertEquals(statusOf(await get(admin, "/status", `Host: ${host}\r\n`)), 421, host);
  }
  for (const host of ["127.0.0.1", "127.0.0.1:80", "[::1]:9652", "localhost", "LOCALHOST:9652", "10.1.2.3"]) {
    assertEquals(statusOf(await get(admin, "/status", `Host: ${host}\r\n`)), 200, host);
  }
});

Deno.test("only GET is answered", async () => {
  await using admin = await start();
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const answer = await get(admin, "/status", "Host: localhost\r\n", method);
    assertEquals(statusOf(answer), 405, method);
    assertMatch(answer, /^allow: GET\r$/mi);
  }
});

Deno.test("oversized requests are refused", async () => {
  await using admin = await start();
  assertEquals(statusOf(await get(admin, `/${"a".repeat(1100)}`)), 414);
  assertEquals(statusOf(await get(admin, "/", "Host: localhost\r\nContent-Length: 1\r\n", "GET", "x")), 413);
  assertEquals(
    statusOf(await get(admin, "/", "Host: localhost\r\nTransfer-Encoding: chunked\r\n", "GET", "0\r\n\r\n")),
    413,
  );
  // The answer may be lost in the reset that unread input causes.
  const answer = await get(admin, "/", `Host: localhost\r\nX: ${"a".repeat(2_000_000)}\r\n`).catch(() => "");
  assert(answer === "" || statusOf(answer) === 431, answer);
  assertEquals(statusOf(await get(admin, "/healthz")), 200);
});

Deno.test("an unknown path gets a 404 that names the known ones", async () => {
  await using admin = await start();
  for (const path of ["/nothing", "/constructor", "/__proto__", "//", "/app.js/"]) {
    const answer = await get(admin, path);
    assertEquals(statusOf(answer), 404, path);
    assertMatch(answer, /\/status, \/metrics/);
  }
});

Deno.test("a UNIX socket is for its owner only, accepts any Host, and is removed at the end", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/admin.sock`;
  {
    await using admin = await start({ path });
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    assertEquals(await ask(admin.address, "/healthz"), "ok\n");
  }
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
});

Deno.test("a stale UNIX socket is replaced, one in use and an ordinary file are not", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/admin.sock`;
  // Renamed, so that closing doesn't remove it.
  const stale = Deno.listen({ transport: "unix", path: `${path}.first` });
  await Deno.rename(`${path}.first`, path);
  stale.close();
  await Deno.lstat(path);
  {
    await using _admin = await start({ path });
    const error = await assertRejects(() => start({ path }), StartError);
    assertMatch(error.message, /another program listens there/);
  }
  await Deno.writeTextFile(path, "precious");
  assertMatch((await assertRejects(() => start({ path }), StartError)).message, /not a socket/);
  assertEquals(await Deno.readTextFile(path), "precious");
});

Deno.test("an address in use is an error that names it", async () => {
  await using admin = await start();
  const error = await assertRejects(() => start(admin.address), StartError);
  assertMatch(error.message, /^admin: can't listen at 127\.0\.0\.1:\d+: /);
});

Deno.test("errors distinguish a refused connection, another kind of server, and a status other than 200", async () => {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = { host: "127.0.0.1", port: free.addr.port };
  const talking = (async () => {
    const connection = await free.accept();
    await connection.read(new Uint8Array(100));
    await connection.write(new TextEncoder().encode("220 mail\r\n"));
    connection.close();
  })();
  assertMatch((await assertRejects(() => ask(address, "/status"), NoAnswer)).message, /not from a handler/);
  await talking;
  free.close();
  assertMatch((await assertRejects(() => ask(address, "/status"), NoAnswer)).message, /refused/);
  await using admin = await start();
  assertMatch((await assertRejects(() => ask(admin.address, "/nothing"), NoAnswer)).message, /404/);
});

Deno.test("a client that stops reading its answer does not block shutdown", async () => {
  const recent = new Recent();
  recent.of(silentLog).info("large", { text: "x".repeat(30_000_000) });
  const admin = await start(ANY, [], recent);
  using reader = await Deno.connect({ hostname: "127.0.0.1", port: portOf(admin) });
  await reader.write(new TextEncoder().encode("GET /status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
  assertEquals(await reader.read(new Uint8Array(8)), 8);
  const began = performance.now();
  await admin.close();
  // Closing takes a second on an idle machine, and a part of the answer that nobody reads may take ten.
  assert(performance.now() - began < 9_000, "closing waited for the reader");
  // The pending answer ends with its connection, not before.
  for (const buffer = new Uint8Array(1 << 20); await reader.read(buffer) !== null;);
});

for (const kind of ["TCP", "UNIX"] as const) {
  Deno.test(`a handler that is ending releases its address to another one, a running one does not, ${kind}`, async () => {
    await using directory = await makeTempDir();
    await using old = await start(kind === "TCP" ? ANY : { path: `${directory.path}/admin.sock` });
    await assertRejects(() => ask(old.address, "/release", "POST"), NoAnswer, "409: this handler is not ending");
    assertEquals(await ask(old.address, "/healthz"), "ok\n");
    old.ending();
    assertEquals(JSON.parse(await ask(old.address, "/status")).ending, true);
    {
      await using next = await start(old.address);
      assertEquals(JSON.parse(await ask(next.address, "/status")).ending, false);
      // Its shutdown doesn't remove the other's socket.
      await old.close();
      assertEquals(await ask(next.address, "/healthz"), "ok\n");
    }
    await assertRejects(() => ask(old.address, "/healthz"), NoAnswer);
  });
}

Deno.test("a handler that has released its address continues open event streams", async () => {
  await using old = await start();
  const response = await fetch(`http://127.0.0.1:${portOf(old)}/events`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  old.ending();
  await using _next = await start(old.address);
  let text = "";
  while (!text.includes('"ending":true')) text += (await reader.read()).value;
  await old.close();
  await reader.cancel();
});

Deno.test("the address is released by a POST without content only", async () => {
  await using admin = await start();
  admin.ending();
  assertEquals(statusOf(await get(admin, "/release")), 405);
  const answer = await get(admin, "/release", "Host: localhost\r\nContent-Length: 1\r\n", "POST", "x");
  assertEquals(statusOf(answer), 413);
  assertEquals(statusOf(await get(admin, "/healthz")), 200);
});
