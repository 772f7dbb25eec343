import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { originalDestination, systemNetwork, TcpConnection, TcpListener } from "../../../src/net/system/tcp.ts";
import { MemoryNetwork } from "../../support/network/memory_network.ts";
import "../../support/system/native.ts";
import { soon, testNetwork, withPair } from "../network_contract.ts";

testNetwork("the system's network", () => systemNetwork, ["127.0.0.1", "::1"]);

Deno.test("an IPv6 listener's IPv4 connections have IPv4 addresses", async () => {
  const listener = systemNetwork.listen({ host: "::", port: 0 });
  const [client, server] = await Promise.all([
    systemNetwork.connect({ host: "127.0.0.1", port: listener.address.port }),
    listener.accept(),
  ]);
  listener.close();
  assertEquals(server?.local, client.remote);
  assertEquals(server?.remote, client.local);
  client.close();
  server?.close();
});

Deno.test("a connection whose signal aborts during connect is not left open", async () => {
  const listener = systemNetwork.listen({ host: "127.0.0.1", port: 0 });
  const abort = new AbortController();
  const connecting = systemNetwork.connect(listener.address, abort.signal);
  const reason = new RangeError("too slow");
  abort.abort(reason);
  assertStrictEquals(await connecting.catch((error: unknown) => error), reason);
  // The kernel may have established it before: then it reads null, which a leaked connection would not.
  const sentinel = await systemNetwork.connect(listener.address);
  for (let accepted = await listener.accept(); accepted !== null; accepted = await listener.accept()) {
    const isSentinel = accepted.remote.port === sentinel.local.port;
    if (!isSentinel) assertEquals(await accepted.read(new Uint8Array(1)), null);
    accepted.close();
    if (isSentinel) break;
  }
  sentinel.close();
  listener.close();
});

Deno.test({
  name: "a pending connect ends when its signal aborts",
  // Linux drops requests to a listener whose queue is full.
  ignore: Deno.build.os !== "linux",
}, async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const address = { host: "127.0.0.1", port: listener.addr.port };
  const abort = new AbortController();
  const filling = [await systemNetwork.connect(address), await systemNetwork.connect(address)];
  const connecting = systemNetwork.connect(address, abort.signal);
  abort.abort(new RangeError("too slow"));
  await assertRejects(() => soon(connecting), RangeError, "too slow");
  for (const connection of filling) connection.close();
  listener.close();
});

Deno.test("every connection has TCP_NODELAY", () => {
  const addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  const set: (boolean | undefined)[] = [];
  const conn = { localAddr: addr, remoteAddr: addr, setNoDelay: (on?: boolean) => set.push(on), close() {} };
  new TcpConnection(conn as unknown as Deno.TcpConn).close();
  assertEquals(set, [true]);
});

/** A listener of Deno's that fails with each error in turn, and then never settles. */
function failing(...failures: readonly Error[]): Deno.TcpListener {
  const left = [...failures];
  const addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  const accept = () => left.length > 0 ? Promise.reject(left.shift()) : new Promise(() => {});
  return { addr, accept, close() {} } as unknown as Deno.TcpListener;
}

/** An error as Deno reports it. */
function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

Deno.test("accept fails when files or memory have run out, but not for dead connections", async () => {
  // The errors of accept(2), and those of Deno's query for the addresses of a connection that was reset.
  const gone = [
    "ENOTCONN",
    "ECONNABORTED",
    "ECONNRESET",
    "EPERM",
    "EPROTO",
    "EINVAL",
    "ENETDOWN",
    "ENETUNREACH",
    "EINTR",
  ];
  for (const shortage of ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]) {
    const listener = new TcpListener(failing(...gone.map(systemError), new Error("none"), systemError(shortage)));
    await assertRejects(() => listener.accept(), Error, shortage);
  }
});

Deno.test("a queue of dead connections does not starve everything else", async () => {
  const listener = new TcpListener(failing(...Array.from({ length: 1000 }, () => systemError("ENOTCONN"))));
  const accepted = listener.accept();
  await new Promise((resolve) => setTimeout(resolve, 0));
  listener.close();
  assertEquals(await accepted, null);
});

Deno.test({
  name: "connections that are reset in the queue do not delay others",
  ignore: Deno.build.os !== "linux",
}, async () => {
  const listener = systemNetwork.listen({ host: "127.0.0.1", port: 0 });
  for (let count = 0; count < 200; count++) (await systemNetwork.connect(listener.address)).reset();
  const [client, server] = await Promise.all([systemNetwork.connect(listener.address), listener.accept()]);
  assertEquals(server?.remote, client.local);
  for (const end of [client, server, listener]) end?.close();
});

Deno.test({
  name: "a listener's queue is as long as the system allows",
  ignore: Deno.build.os !== "linux",
}, async () => {
  const allowed = Number(await Deno.readTextFile("/proc/sys/net/core/somaxconn"));
  for (const shared of [false, true]) {
    const listener = systemNetwork.listen({ host: "127.0.0.1", port: 0 }, shared);
    const { stdout } = await new Deno.Command("ss", { args: ["-tlnH", "src", `127.0.0.1:${listener.address.port}`] })
      .output();
    assertEquals(new TextDecoder().decode(stdout).trim().split(/\s+/)[2], `${allowed}`);
    listener.close();
  }
});

Deno.test("a connect never resolves a name", async () => {
  await assertRejects(() => systemNetwork.connect({ host: "localhost", port: 1 }), TypeError, "not an IP address");
});

Deno.test("only a connection of the system has an original destination", async () => {
  await withPair(new MemoryNetwork(), "192.0.2.1", (_, server) => {
    assertEquals(originalDestination(server), undefined);
    return Promise.resolve();
  });
});

Deno.test("a connection that is reset before its addresses are known counts as reset", async () => {
  const { connect } = Deno;
  const gone = new Deno.errors.NotConnected("Transport endpoint is not connected (os error 107)");
  Deno.connect = (() => Promise.reject(gone)) as unknown as typeof connect;
  try {
    await assertRejects(
      () => systemNetwork.connect({ host: "127.0.0.1", port: 1 }),
      Deno.errors.ConnectionReset,
      "Connection reset by peer",
    );
  } finally {
    Deno.connect = connect;
  }
});
