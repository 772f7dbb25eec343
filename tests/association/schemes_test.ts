/** The sharing scheme that both sides of a handshake have: the client's choice among those that the server takes. */
import { assertEquals, assertRejects } from "@std/assert";
import { ChannelError } from "../../src/association/channel_error.ts";
import { initiate } from "../../src/association/initiate.ts";
import { RefusedReason } from "../../src/wire/associate.ts";
import { Accepting, associatedPair, channelAddresses } from "../support/handlers/pair.ts";
import { Lender } from "../support/network/chunks.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { FakeClock, settle } from "../support/time/fake_clock.ts";

Deno.test("a client's shares are what it asked for: the server takes either, and neither side anything in between", async () => {
  for (const [short, scheme] of [[false, 1], [true, 3], [undefined, 1]] as const) {
    for (let n = 2; n <= 16; n += 7) {
      const { network, client, server } = await associatedPair(
        n,
        undefined,
        undefined,
        short === undefined ? {} : { short },
      );
      for (const { list, threshold } of [client, server]) {
        assertEquals([...list.slice(0, 4), threshold], [1, scheme, n, n, n]);
      }
      client.end();
      server.end();
      await settle();
      assertEquals(network.openEnds, 0);
    }
  }
});

Deno.test("a client with a threshold asks for interpolation, short shares or not; of a server with one, short shares are refused", async () => {
  for (const [threshold, scheme] of [[2, 2], [3, null], [undefined, null]] as const) {
    const network = new MemoryNetwork(), clock = new FakeClock(), addresses = channelAddresses(3);
    const accepting = new Accepting(network, addresses, { clock, settings: () => ({ threshold: 2 }) });
    const attempt = initiate(addresses, { network, clock, short: true, ...threshold !== undefined && { threshold } });
    if (scheme === null) {
      const error = await assertRejects(() => attempt, ChannelError, "refused");
      assertEquals((error.cause as { reason?: RefusedReason }).reason, RefusedReason.Unacceptable);
    } else {
      const client = await attempt, server = await accepting.first();
      for (const { list } of [client, server]) assertEquals([...list.slice(0, 4)], [1, scheme, 2, 3]);
      // A message that short shares could not have: it is no record.
      await client.writable.getWriter().write(new Lender().lend(new Uint8Array(100)));
      assertEquals(client.offered, 100);
      client.end();
      server.end();
    }
    await accepting.close();
    await settle();
    assertEquals([network.openEnds, clock.pending], [0, 0]);
  }
});
