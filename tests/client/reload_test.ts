/** Reloads of a client handler, and its session limit. */
import { assertEquals, assertInstanceOf } from "@std/assert";
import { Users } from "../../src/client/ingress/users.ts";
import { parseConfig } from "../../src/config/load.ts";
import { clientSpec } from "../../src/config/client.ts";
import type { ClientConfig } from "../../src/config/types.ts";
import { type Connection, readFull, writeAll } from "../../src/net/connection.ts";
import { settle } from "../support/time/fake_clock.ts";
import { Handlers, lineOf, REDIRECT } from "../support/handlers/handlers_in_memory.ts";
import "../support/system/native.ts";
import { readAll, readToEnd } from "../support/handlers/pair.ts";

const WEB = "web: {channels: [192.0.2.1, 192.0.2.2, 192.0.2.3], ports: [80]}";
const FORWARD = 'forward: ["127.0.0.1:8080=web:80", "127.0.0.1:8081=web:81", "127.0.0.1:8082=web:82"]';
const REST = 'redirect: ["127.0.0.1:6533"]\nwarm: 0';

function configOf(...yaml: string[]): ClientConfig {
  return parseConfig("", clientSpec, ["--config", "c"], () => yaml.join("\n"));
}

async function assertCarries(from: Connection, to: Connection, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  await writeAll(from, bytes);
  const got = new Uint8Array(bytes.length);
  await readFull(to, got);
  assertEquals(got, bytes);
}

Deno.test("sessions go on when a reload removes their server, and later ones use the new servers", async () => {
  const handlers = new Handlers();
  const { client } = handlers;
  const { application, target } = await handlers.session();
  const gone = "other: {channels: [192.0.2.77, 192.0.2.78]}";
  const forward = FORWARD.replace("8080=web", "8080=other");
  assertEquals(client.reload(configOf(`servers: {${gone}, ${WEB}}`, forward, REST)), []);
  await assertCarries(application, target, "still there");
  const refused = await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
  assertInstanceOf((await handlers.clock.until(readToEnd(refused))).error, Deno.errors.ConnectionReset);
  assertEquals(lineOf(handlers.clientLines, "session refused").server, "other");
  await assertCarries(target, application, "both ways");

  assertEquals(client.reload(configOf(`servers: {${WEB}}`, FORWARD, REST)), []);
  const again = await handlers.session();
  await assertCarries(again.application, again.target, "back");
  await handlers.close(application, target, refused, again.application, again.target);
});

Deno.test("redirected connections use the servers and ports of the new configuration", async () => {
  const handlers = new Handlers();
  handlers.originalDestination = () => ({ host: "192.0.2.2", port: 443 });
  handlers.client.reload(configOf(`servers: {${WEB}}`, FORWARD, REST));
  const refused = await handlers.network.connect(REDIRECT);
  assertInstanceOf((await readToEnd(refused)).error, Deno.errors.ConnectionReset);
  await settle();
  assertEquals(lineOf(handlers.clientLines, "connection refused").destination, "192.0.2.2:443");
  await handlers.close(refused);
});

Deno.test("a reload names changed settings that need a restart: listeners and the database", async () => {
  const handlers = new Handlers();
  const config = configOf(
    `servers: {${WEB}}`,
    'forward: ["127.0.0.1:8080=web:80"]',
    "redirect: [127.0.0.1]",
    "socks5: [127.0.0.1:1080]",
    "database: /nowhere/channels.db",
    "pads: system",
  );
  // Until the restart, each reload names them.
  for (const _ of [1, 2]) {
    assertEquals(handlers.client.reload(config), ["forward", "redirect", "socks5", "database", "pads"]);
  }
  const { application, target } = await handlers.session({ host: "127.0.0.1", port: 8080 });
  await assertCarries(application, target, "what listened listens");
  await handlers.close(application, target);
});

Deno.test("a session beyond the limit is reset and logged with the limit, and accepted once the limit is raised", async () => {
  const handlers = new Handlers({}, { client: "limits: {sessions: 2}" });
  const [first, second] = [await handlers.session(), await handlers.session()];
  const refused = await handlers.network.connect({ host: "127.0.0.1", port: 8080 });
  assertInstanceOf((await readToEnd(refused)).error, Deno.errors.ConnectionReset);
  const { from: _, ...line } = lineOf(handlers.clientLines, "limit reached");
  assertEquals(line, { level: "warn", event: "limit reached", limit: "sessions", value: 2 });

  handlers.client.reload(configOf(`servers: {${WEB}}`, FORWARD, REST, "limits: {sessions: 3}"));
  const third = await handlers.session();
  await assertCarries(third.application, third.target, "a place");

  // The end of a session makes room.
  await Promise.all([first.application.closeWrite(), first.target.closeWrite()]);
  await Promise.all([readAll(first.application), readAll(first.target)]);
  await settle();
  const fourth = await handlers.session();
  await assertCarries(fourth.application, fourth.target, "its place");
  const sessions = [first, second, third, fourth];
  await handlers.close(refused, ...sessions.flatMap(({ application, target }) => [application, target]));
});

Deno.test("a reload replaces the users of an ingress", async () => {
  const socks5 = "socks5: [127.0.0.1:1080]";
  const handlers = new Handlers({}, { client: socks5 });
  /** Returns the ingress's answer to an application that offers no password. */
  const offer = async () => {
    const application = await handlers.network.connect({ host: "127.0.0.1", port: 1080 });
    await writeAll(application, Uint8Array.fromHex("050100"));
    const answer = new Uint8Array(2);
    await readFull(application, answer);
    application.close();
    await settle();
    return answer.toHex();
  };
  assertEquals(await offer(), "0500");
  const config = configOf(`servers: {${WEB}}`, FORWARD, REST, socks5, "socks5-users: unused");
  assertEquals(handlers.client.reload(config, { users: { socks5: new Users("alice:secret") } }), []);
  assertEquals(await offer(), "05ff");
  await handlers.close();
});
