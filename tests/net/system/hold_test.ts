/** Listeners that are on hold, over the system's TCP. */
import { assert, assertEquals } from "@std/assert";
import { systemNetwork } from "../../../src/net/system/tcp.ts";
import "../../support/system/native.ts";

const ANY = { host: "127.0.0.1", port: 0 };

Deno.test("a listener on hold accepts what is in its queue; later connections reach the listener after it", async () => {
  const old = systemNetwork.listen(ANY, true);
  const waiting = await systemNetwork.connect(old.address);
  assertEquals(old.hold?.(), true);
  let late = false;
  const dialled = systemNetwork.connect(old.address).then((connection) => {
    late = true;
    return connection;
  });
  const accepted = await old.accept();
  assertEquals(accepted!.remote.port, waiting.local.port);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert(!late, "a connection was established at a listener on hold");
  old.close();
  const next = systemNetwork.listen(old.address, true);
  const taken = await next.accept();
  assertEquals(taken!.remote.port, (await dialled).local.port);
  for (const one of [waiting, accepted!, taken!, await dialled, next]) one.close();
});

Deno.test("a closed listener can't be put on hold", () => {
  const listener = systemNetwork.listen(ANY);
  listener.close();
  assertEquals(listener.hold?.(), false);
});

Deno.test("connections accepted before and after the hold are unaffected", async () => {
  const listener = systemNetwork.listen(ANY);
  const dialled = [await systemNetwork.connect(listener.address), await systemNetwork.connect(listener.address)];
  const accepted = [(await listener.accept())!];
  listener.hold?.();
  accepted.push((await listener.accept())!);
  for (const [at, connection] of dialled.entries()) {
    await connection.write(Uint8Array.of(at));
    await connection.closeWrite();
    const bytes = new Uint8Array(2);
    assertEquals([await accepted[at]!.read(bytes), bytes[0]], [1, at]);
    assertEquals(await accepted[at]!.read(bytes), null);
  }
  for (const one of [...dialled, ...accepted, listener]) one.close();
});
