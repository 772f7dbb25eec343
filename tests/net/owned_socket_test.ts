import { assertEquals } from "@std/assert";
import { OwnedSocket } from "../../src/net/linux/owned_socket.ts";
import { systemNetwork } from "../../src/net/system/tcp.ts";
import "../support/system/native.ts";

const LINUX = Deno.build.os === "linux";
const needs = !LINUX ? ", ignored: needs Linux" : Deno.uid() !== 0 ? ", ignored: needs root" : "";

/** A port as the kernel's tables have it, behind a colon. */
function hexadecimal(port: number): string {
  return `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

/**
 * The user ID that the kernel lists for the socket connected from one port to another.
 *
 * Other connections, of other tests too, may have the same local port with another address or destination.
 */
async function ownerOf(from: number, to: number): Promise<number> {
  const table = await Deno.readTextFile("/proc/self/net/tcp") + await Deno.readTextFile("/proc/self/net/tcp6");
  const [local, remote] = [hexadecimal(from), hexadecimal(to)];
  const rows = table.split("\n").map((line) => line.trim().split(/\s+/))
    .filter(([, source, target]) => source?.endsWith(local) && target?.endsWith(remote));
  assertEquals(rows.length, 1, `${rows.map((row) => row.join(" ")).join("\n")}`);
  return Number(rows[0]![7]);
}

for (const [family, host] of [["ipv4", "127.0.0.1"], ["ipv6", "::1"]] as const) {
  Deno.test({ name: `a socket belongs to the requested owner (${family})${needs}`, ignore: needs !== "" }, async () => {
    const listener = systemNetwork.listen({ host, port: 0 });
    try {
      using socket = new OwnedSocket(family, { owner: { uid: 4242, gid: 4243 } });
      assertEquals(socket.connect(listener.address), 0);
      const accepted = await listener.accept();
      assertEquals(accepted!.remote, { host, port: socket.port });
      accepted!.reset();
      using waiting = new OwnedSocket(family, { owner: { uid: 4242, gid: 4243 } });
      assertEquals(waiting.connect(listener.address), 0);
      assertEquals(await ownerOf(waiting.port, listener.address.port), 4242);
    } finally {
      listener.close();
    }
    // The process itself keeps its user and group.
    const file = await Deno.makeTempFile();
    const { uid, gid } = await Deno.stat(file);
    await Deno.remove(file);
    assertEquals([uid, gid], [Deno.uid(), Deno.gid()]);
  });
}

Deno.test({ name: "connecting without a route fails immediately", ignore: !LINUX }, () => {
  using socket = new OwnedSocket("ipv4");
  // TCP does not allow broadcasts.
  assertEquals(socket.connect({ host: "255.255.255.255", port: 9 }) === 0, false);
});
