import { assertEquals, assertRejects } from "@std/assert";
import { JoinedListener } from "../../../src/net/system/joined_listener.ts";
import { settle } from "../../support/time/fake_clock.ts";
import { MemoryNetwork } from "../../support/network/memory_network.ts";

const ENDS = [{ host: "::1", port: 80 }, { host: "127.0.0.1", port: 80 }] as const;

Deno.test("a joined listener accepts the connections of each of its parts", async () => {
  const network = new MemoryNetwork();
  const joined = new JoinedListener(ENDS.map((end) => network.listen(end)));
  assertEquals(joined.address, ENDS[0]);
  for (const end of [ENDS[1], ENDS[0], ENDS[0], ENDS[1]]) {
    const [client, accepted] = await Promise.all([network.connect(end), joined.accept()]);
    assertEquals(accepted!.local.host, end.host);
    client.close();
    accepted!.close();
  }
  const accepting = joined.accept();
  joined.close();
  assertEquals([await accepting, await joined.accept()], [null, null]);
  await assertRejects(() => network.connect(ENDS[0]), Deno.errors.ConnectionRefused);
});

Deno.test("closing resets a connection that was accepted and never returned", async () => {
  const network = new MemoryNetwork();
  const joined = new JoinedListener(ENDS.map((end) => network.listen(end)));
  const accepting = joined.accept();
  const [one, other] = await Promise.all(ENDS.map((end) => network.connect(end)));
  (await accepting)!.close();
  await settle();
  joined.close();
  await assertRejects(() => other!.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  one!.close();
  other!.close();
});
