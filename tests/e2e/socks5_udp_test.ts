/** UDP through SOCKS5, from real programs and from the tests' own client, to a target that answers each datagram. */
import { setTimeout as sleep } from "node:timers/promises";
import { assertEquals, assertRejects } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { DatagramBatch, type DatagramSocket } from "../../src/net/datagram.ts";
import { systemDatagrams } from "../../src/net/system/datagrams.ts";
import { systemNetwork } from "../../src/net/system/tcp.ts";
import { Handler, startClient } from "../support/handlers/handlers.ts";
import { type AssociateOptions, Socks5UdpClient } from "../support/handlers/socks5_udp.ts";
import { latin1 } from "../support/handlers/talk.ts";
import { makeTempDir, PATIENCE, run } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { pattern } from "../support/programs/tcp.ts";

const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/** Port at the server that has a target. */
const PORT = 53;

/** A program that sends datagrams and prints their answers. */
const PROGRAM = new URL("udp.py", import.meta.url).pathname;

/** Two handlers on loopback, and a target that returns all datagrams. */
interface Relays extends AsyncDisposable {
  readonly client: Handler;
  readonly server: Handler;
  /** Address of the SOCKS5 listener without users. */
  readonly socks5: Address;
  /** Port of the one with alice, at every address. */
  readonly usersPort: number;
  /** @param through Default: `socks5`. */
  associate(options?: AssociateOptions, through?: Address): Promise<Socks5UdpClient>;
}

async function startRelays(): Promise<Relays> {
  await using making = new AsyncDisposableStack();
  const echo = making.adopt(systemDatagrams.bind({ host: "127.0.0.1", port: 0 }), (socket) => socket.close());
  void returnAll(echo);
  const port = freePort(...HOSTS), channels = HOSTS.map((host) => ({ host, port }));
  const server = making.use(
    await Handler.start("server", [
      ...channels.flatMap((channel) => ["--channel", formatAddress(channel)]),
      ...["--udp-target", `${PORT}=${formatAddress(echo.address)}`],
    ]),
  );
  const directory = making.use(await makeTempDir()), users = `${directory.path}/users`;
  await Deno.writeTextFile(users, "alice:se:cret\n", { mode: 0o600 });
  const socks5 = { host: "127.0.0.1", port: freePort("127.0.0.1") }, usersPort = freePort("::");
  const client = making.use(await startClient(channels, ["--socks5", formatAddress(socks5)]));
  making.use(await startClient(channels, ["--socks5", `[::]:${usersPort}`, "--socks5-users", users]));
  const made = making.move();
  const networks = { network: systemNetwork, datagrams: systemDatagrams };
  return {
    ...{ client, server, socks5, usersPort },
    associate: (options, through = socks5) => Socks5UdpClient.associate(networks, through, options),
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

async function returnAll(socket: DatagramSocket): Promise<void> {
  const batch = new DatagramBatch(64, 2048);
  for (let count = await socket.receive(batch); count > 0; count = await socket.receive(batch)) {
    batch.locals.fill(0);
    socket.send(batch, count);
  }
}

/** Sends a datagram and awaits its answer. */
async function ask(client: Socks5UdpClient, to: Address, payload: Uint8Array): Promise<void> {
  client.send(to, payload);
  const late = setTimeout(() => client.socket.close(), PATIENCE);
  try {
    assertEquals(await client.receive(), { address: to, payload });
  } finally {
    clearTimeout(late);
  }
}

Deno.test("datagrams reach a server by its name and by its addresses, and so do the answers", async () => {
  await using relays = await startRelays();
  using client = await relays.associate();
  for (const host of ["web", ...HOSTS]) await ask(client, { host, port: PORT }, latin1(`to ${host}`));
  for (const payload of [new Uint8Array(0), pattern(1300)]) await ask(client, { host: "web", port: PORT }, payload);
});

Deno.test("a listener at every address relays where the application has reached it, with its password", async () => {
  await using relays = await startRelays();
  for (const host of ["127.0.0.1", "127.0.0.2", "::1"]) {
    const through = { host, port: relays.usersPort };
    using alice = await relays.associate({ user: ["alice", "se:cret"] }, through);
    assertEquals(alice.relay.host, host);
    await ask(alice, { host: "web", port: PORT }, latin1("hello"));
    const wrong = relays.associate({ user: ["alice", "wrong"] }, through);
    await assertRejects(() => wrong, Deno.errors.UnexpectedEof);
  }
});

Deno.test("the end of the application's connection ends its relay and its flows, here and at the server", async () => {
  await using relays = await startRelays();
  const files = () => Promise.all([relays.client.files(), relays.server.files()]);
  using first = await relays.associate();
  await ask(first, { host: "web", port: PORT }, latin1("hello"));
  // Files that the handlers' start needed may still be about to close.
  let before = await files();
  for (let times = 0; times < 10; times++) {
    await sleep(50);
    const now = await files();
    before = before.map((count, at) => Math.min(count, now[at]!)) as [number, number];
  }
  for (let round = 0; round < 3; round++) {
    using client = await relays.associate();
    await ask(client, { host: "web", port: PORT }, latin1("hello"));
    client.control.close();
    await relays.client.waitForLogs(round + 1, "flow ended");
    await relays.server.waitForLogs(round + 1, "flow ended");
  }
  // Sockets close a moment after the lines, and what the start needed perhaps only now.
  const more = async () => (await files()).map((count, at) => Math.max(0, count - before[at]!));
  for (let times = 0; times < 100 && String(await more()) !== "0,0"; times++) await sleep(100);
  assertEquals(await more(), [0, 0]);
  await ask(first, { host: "web", port: PORT }, latin1("still here"));
});

Deno.test("a destination without a server, or a port without a target, is told by the log alone", async () => {
  await using relays = await startRelays();
  using client = await relays.associate();
  client.send({ host: "203.0.113.1", port: PORT }, latin1("?"));
  await relays.client.waitForLog("flow refused", { destination: `203.0.113.1:${PORT}`, ingress: "socks5" });
  client.send({ host: "web", port: PORT + 1 }, latin1("?"));
  await relays.client.waitForLog("flow refused", { destination: `web:${PORT + 1}` });
  await ask(client, { host: "web", port: PORT }, latin1("hello"));
});

testWith(["socksify", "python3"], "a program reaches a server through dante's client for SOCKS5", async () => {
  await using relays = await startRelays();
  await using directory = await makeTempDir();
  await Deno.writeTextFile(
    `${directory.path}/conf`,
    `logoutput: stderr
resolveprotocol: fake
route {
  from: 0.0.0.0/0 to: 0.0.0.0/0 via: 127.0.0.1 port = ${relays.socks5.port}
  proxyprotocol: socks_v5
  protocol: udp
  method: none
}
`,
  );
  // Otherwise it would send to loopback directly.
  const env = { SOCKS_CONF: `${directory.path}/conf`, SOCKS_AUTOADD_LANROUTES: "no" };
  for (const host of ["web", "127.0.0.2"]) {
    const line = ["socksify", "python3", PROGRAM, host, `${PORT}`, "one", "two", "three"];
    assertEquals((await run(line, { env })).text(), "one\ntwo\nthree\n", host);
  }
});
