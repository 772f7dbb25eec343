import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ChannelError } from "../../../src/association/channel_error.ts";
import { initiate } from "../../../src/association/initiate.ts";
import type { Address } from "../../../src/net/address.ts";
import type { Connection, Network } from "../../../src/net/connection.ts";
import { StartError } from "../../../src/net/listen/listen.ts";
import { requirePlainListeners, requirePlainTcp } from "../../../src/net/listen/plain_tcp.ts";
import { systemNetwork } from "../../../src/net/system/tcp.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";
import { MemoryNetwork } from "../../support/network/memory_network.ts";
import { Accepting, channelAddresses } from "../../support/handlers/pair.ts";
import { withPair } from "../network_contract.ts";

const LINUX = Deno.build.os === "linux";
const TCP = 6, MPTCP = 262;

/** Replaces a connection's protocol. */
function over(protocol: number | undefined, connection: Connection): Connection {
  return Object.defineProperty(connection, "protocol", { value: protocol });
}

Deno.test(
  { name: "the system reports the protocol of dialled, accepted and listening sockets", ignore: !LINUX },
  async () => {
    await withPair(systemNetwork, "127.0.0.1", (client, server) => {
      assertEquals([client.protocol, server.protocol], [TCP, TCP]);
      return Promise.resolve();
    });
    const listener = systemNetwork.listen({ host: "127.0.0.1", port: 0 });
    assertEquals(listener.protocols, [TCP]);
    requirePlainListeners([listener]);
    listener.close();
  },
);

Deno.test("only connections known to use another protocol are rejected", () => {
  for (const protocol of [undefined, TCP]) requirePlainTcp({ protocol } as Connection);
  assertThrows(() => requirePlainTcp({ protocol: MPTCP } as Connection), Error, "MPTCP, not plain TCP");
  assertThrows(() => requirePlainTcp({ protocol: 132 } as Connection), Error, "protocol 132, not plain TCP");
});

Deno.test("if a listener is not plain TCP, all are closed and its address is named", () => {
  const closed: number[] = [];
  const listeners = [TCP, MPTCP].map((protocol, at) => ({
    address: { host: `192.0.2.${at}`, port: 6522 },
    protocols: [protocol],
    accept: () => Promise.resolve(null),
    close: () => void closed.push(at),
  }));
  assertThrows(
    () => requirePlainListeners(listeners),
    StartError,
    "can't listen at 192.0.2.1:6522: its socket is MPTCP",
  );
  assertEquals(closed, [0, 1]);
});

for (const side of ["client", "server"] as const) {
  Deno.test(`a channel that is MPTCP on the ${side}'s side is rejected with the reason`, async () => {
    const network = new MemoryNetwork();
    const clock = new FakeClock();
    const addresses = channelAddresses(2);
    const second = addresses[1]!;
    const marked = (connection: Connection, to: Address, by: typeof side): Connection =>
      side === by && to.host === second.host ? over(MPTCP, connection) : connection;
    const altered: Network = {
      connect: async (to, signal) => marked(await network.connect(to, signal), to, "client"),
      listen(at) {
        const listener = network.listen(at);
        const accept = async () => {
          const connection = await listener.accept();
          return connection && marked(connection, at, "server");
        };
        return { address: at, accept, close: () => listener.close() };
      },
    };
    const accepting = new Accepting(altered, addresses, { clock });
    const refused = await assertRejects(() => initiate(addresses, { network: altered, clock }), ChannelError);
    await settle();
    assertEquals(refused.index, 1);
    const reason = side === "client" ? refused.message : accepting.failures.find((one) => one.includes("MPTCP"));
    assertEquals(reason?.includes("its socket is MPTCP, not plain TCP"), true, `${reason}`);
    assertEquals(accepting.associations, []);
    await accepting.close();
    await settle();
    assertEquals([network.openEnds, clock.pending], [0, 0]);
  });
}
