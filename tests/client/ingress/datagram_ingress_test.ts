/** The ways in for datagrams as a whole: listening, reloading, closing. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  DatagramIngress,
  type DatagramIngressConfig,
  type DatagramIngressOptions,
} from "../../../src/client/ingress/datagram_ingress.ts";
import { DatagramCounts } from "../../../src/datagrams/counts.ts";
import { createLog } from "../../../src/log/log.ts";
import type { DatagramNetwork, DatagramOptions } from "../../../src/net/datagram.ts";
import { StartError } from "../../../src/net/listen/listen.ts";
import { MemoryDatagrams } from "../../support/network/memory_datagrams.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const at = (port: number) => ({ host: "127.0.0.1", port });

const CONFIG: DatagramIngressConfig = {
  udpForwards: [{ listen: at(1), server: "web", port: 53 }, { listen: at(2), server: "web", port: 54 }],
  udpTproxies: [at(3), at(4)],
};

function options(network: DatagramNetwork): DatagramIngressOptions {
  return {
    network,
    flows: {
      open: () => ({ send() {}, close() {} }),
      cut() {},
    },
    counts: new DatagramCounts(),
    exclusive: true,
    ownHosts: () => [],
    consumes: () => false,
    log: createLog({ write() {} }),
    clock: new FakeClock(),
  };
}

Deno.test("ways in listen until they are closed, those for TPROXY by transparent sockets", () => {
  const memory = new MemoryDatagrams(), bound: [number, DatagramOptions["transparent"]][] = [];
  const network: DatagramNetwork = {
    bind(to, how = {}) {
      bound.push([to.port, how.transparent]);
      return memory.bind(to, how);
    },
  };
  const ingress = new DatagramIngress(CONFIG, options(network));
  assertEquals([ingress.forwards, ingress.tproxies], [[at(1), at(2)], [at(3), at(4)]]);
  assertEquals(new Map(bound), new Map([[1, undefined], [2, undefined], [3, "listener"], [4, "listener"]]));
  ingress.close();
  assertEquals(memory.openSockets, 0);
});

Deno.test("nothing stays open if one address can't be had", () => {
  const memory = new MemoryDatagrams(), other = memory.bind(at(4));
  assertThrows(() => new DatagramIngress(CONFIG, options(memory)), StartError);
  assertEquals(memory.openSockets, 1);
  other.close();
});

Deno.test("changed addresses take effect after a restart, in whatever order they are", () => {
  const ingress = new DatagramIngress(CONFIG, options(new MemoryDatagrams()));
  const { udpForwards, udpTproxies } = CONFIG;
  const changes = (config: Partial<DatagramIngressConfig>) => ingress.changes({ ...CONFIG, ...config });
  assertEquals(changes({ udpForwards: udpForwards.toReversed(), udpTproxies: udpTproxies.toReversed() }), []);
  assertEquals(changes({ udpForwards: [{ ...udpForwards[0]!, port: 55 }, udpForwards[1]!] }), ["udp-forward"]);
  assertEquals(changes({ udpTproxies: [at(3)] }), ["udp-tproxy"]);
  assertEquals(changes({ udpForwards: [], udpTproxies: [] }), ["udp-forward", "udp-tproxy"]);
  ingress.close();
});
