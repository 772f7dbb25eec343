/** Datagrams that TPROXY hands over: flows, the sockets that answer, and their bounds. */
import { assertEquals } from "@std/assert";
import type { FlowOrigin } from "../../../src/client/ingress/flow_origin.ts";
import { MAX_DESTINATIONS, UdpTproxy } from "../../../src/client/ingress/udp_tproxy.ts";
import { DatagramCounts } from "../../../src/datagrams/counts.ts";
import { createLog } from "../../../src/log/log.ts";
import { ThrottledWarning } from "../../../src/log/throttled.ts";
import { type Address, formatAddress } from "../../../src/net/address.ts";
import {
  type DatagramBatch,
  type DatagramNetwork,
  type DatagramOptions,
  type DatagramSocket,
} from "../../../src/net/datagram.ts";
import { ENDPOINT_WORDS, endpointOf } from "../../../src/net/endpoint.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";

/** A transparent socket: what a test hands over, and what is sent. */
class Socket implements DatagramSocket {
  readonly address: Address;
  readonly hasClasses = true;
  readonly sent: string[] = [];
  readonly #close: () => void;
  #waiting: { batch: DatagramBatch; resolve: (count: number) => void } | null = null;

  constructor(address: Address, close: () => void = () => {}) {
    this.address = address;
    this.#close = close;
  }

  /** Hands over a datagram, as TPROXY does. */
  async hand(source: Address, destination: Address, text: string, trafficClass = 0): Promise<void> {
    await settle();
    const { batch, resolve } = this.#waiting!;
    batch.lengths[0] = text.length > batch.size ? batch.size + 1 : text.length;
    batch.slot(0).set(new TextEncoder().encode(text).subarray(0, batch.size));
    batch.remotes.set(endpointOf(source), 0);
    batch.locals.set(endpointOf(destination), 0);
    // The number of a device.
    batch.locals[ENDPOINT_WORDS - 1] = 3;
    batch.classes[0] = trafficClass;
    resolve(1);
    await settle();
  }

  send(batch: DatagramBatch, count: number): number {
    for (let index = 0; index < count; index++) {
      const text = new TextDecoder().decode(batch.bytes(index));
      this.sent.push(`${text} to ${formatAddress(batch.remote(index))}, class ${batch.classes[index]}`);
    }
    return count;
  }

  receive(batch: DatagramBatch): Promise<number> {
    return new Promise((resolve) => this.#waiting = { batch, resolve });
  }

  receiveNow(): number {
    return 0;
  }

  maxPayload(): undefined {
    return undefined;
  }

  close(): void {
    this.#waiting?.resolve(0);
    this.#close();
  }
}

/** Flows of a test: what applications sent, and how each is answered and ended. */
interface OpenedFlow {
  readonly origin: FlowOrigin;
  readonly sent: string[];
  closed: boolean;
}

function start(refuse?: Error) {
  const listener = new Socket({ host: "::", port: 6522 });
  /** The sockets that answer, by their addresses, with those that are closed. */
  const sockets = new Map<string, Socket>(), closed: string[] = [], options: DatagramOptions[] = [];
  const network: DatagramNetwork = {
    bind(at, how = {}) {
      if (refuse !== undefined) throw refuse;
      options.push(how);
      const name = formatAddress(at),
        socket = new Socket(at, () => {
          sockets.delete(name);
          closed.push(name);
        });
      sockets.set(name, socket);
      return socket;
    },
  };
  const flows: OpenedFlow[] = [], lines: Record<string, unknown>[] = [], counts = new DatagramCounts();
  const cuts: string[] = [];
  const log = createLog({ level: "warn", format: "json", write: (line) => void lines.push(JSON.parse(line)) });
  const tproxy = new UdpTproxy(listener, {
    flows: {
      open(origin) {
        const flow: OpenedFlow = { origin, sent: [], closed: false };
        flows.push(flow);
        return {
          send: (payload, trafficClass) =>
            void flow.sent.push(`${new TextDecoder().decode(payload)}, class ${trafficClass}`),
          close: () => void (flow.closed = true),
        };
      },
      cut: ({ ingress, source }, room) => void cuts.push(`${ingress} ${formatAddress(source)} ${room}`),
    },
    counts,
    network,
    ownHosts: () => ["10.0.0.1"],
    consumes: ({ port }) => port === 6500,
    refused: new ThrottledWarning(log, new FakeClock(), "datagrams refused"),
  });
  void tproxy.run();
  return { tproxy, listener, sockets, closed, options, flows, lines, counts, cuts };
}

const APPLICATION = { host: "10.0.0.1", port: 40_000 }, OTHER = { host: "10.0.0.1", port: 40_001 };
const DNS = { host: "192.0.2.53", port: 53 };

Deno.test("a flow is of an application and a destination, from whose address it is answered", async () => {
  const { tproxy, listener, sockets, options, flows, closed } = start();
  await listener.hand(APPLICATION, DNS, "one", 2);
  await listener.hand(APPLICATION, DNS, "two");
  await listener.hand(OTHER, DNS, "three");
  await listener.hand(APPLICATION, { host: "2001:db8::53", port: 53 }, "four");
  assertEquals(
    flows.map(({ origin: { ingress, source, destination }, sent }) => [ingress, source, destination, sent]),
    [
      ["udp-tproxy", APPLICATION, DNS, ["one, class 2", "two, class 0"]],
      ["udp-tproxy", OTHER, DNS, ["three, class 0"]],
      ["udp-tproxy", APPLICATION, { host: "2001:db8::53", port: 53 }, ["four, class 0"]],
    ],
  );
  assertEquals([...sockets.keys()], ["192.0.2.53:53", "[2001:db8::53]:53"]);
  assertEquals(options, [{ transparent: "source" }, { transparent: "source" }]);
  for (const [at, { origin }] of flows.entries()) origin.answer(new TextEncoder().encode(`answer ${at}`), at);
  await settle();
  assertEquals(sockets.get("192.0.2.53:53")!.sent, [
    "answer 0 to 10.0.0.1:40000, class 0",
    "answer 1 to 10.0.0.1:40001, class 1",
  ]);
  assertEquals(sockets.get("[2001:db8::53]:53")!.sent, ["answer 2 to 10.0.0.1:40000, class 2"]);
  tproxy.close();
  assertEquals(closed, ["192.0.2.53:53", "[2001:db8::53]:53"]);
});

Deno.test("a destination's socket is closed with its last flow, and opened again with the next", async () => {
  const { tproxy, listener, sockets, closed, flows } = start();
  await listener.hand(APPLICATION, DNS, "one");
  await listener.hand(OTHER, DNS, "two");
  flows[0]!.origin.ended();
  assertEquals([tproxy.destinations, closed], [1, []]);
  flows[1]!.origin.ended();
  assertEquals([tproxy.destinations, closed], [0, ["192.0.2.53:53"]]);
  await listener.hand(APPLICATION, DNS, "three");
  assertEquals([flows.length, sockets.size], [3, 1]);
  // The end of an earlier flow is not that of its successor.
  flows[0]!.origin.ended();
  assertEquals(tproxy.destinations, 1);
  tproxy.close();
});

Deno.test("the destination that was silent longest makes room for one too many", async () => {
  const { tproxy, listener, sockets, flows, closed } = start();
  const destination = (number: number) => ({ host: `198.51.${100 + (number >> 8)}.${number & 255}`, port: 443 });
  for (let number = 0; number < MAX_DESTINATIONS; number++) await listener.hand(APPLICATION, destination(number), "x");
  await listener.hand(APPLICATION, destination(0), "again");
  assertEquals([sockets.size, closed], [MAX_DESTINATIONS, []]);
  await listener.hand(APPLICATION, DNS, "one too many");
  assertEquals([sockets.size, closed], [MAX_DESTINATIONS, ["198.51.100.1:443"]]);
  assertEquals(flows.flatMap(({ closed, origin }) => closed ? [origin.destination] : []), [destination(1)]);
  // Its flow ends later, which must not close another socket.
  flows[1]!.origin.ended();
  assertEquals(sockets.size, MAX_DESTINATIONS);
  tproxy.close();
});

Deno.test("probes, datagrams to the listener itself, and those that are too long are no flows", async () => {
  const { tproxy, listener, flows, sockets, counts, cuts } = start();
  await listener.hand({ ...APPLICATION, port: 6500 }, DNS, "");
  await listener.hand(APPLICATION, { host: "10.0.0.1", port: 6522 }, "stray");
  await listener.hand(APPLICATION, { host: "127.0.0.1", port: 6522 }, "stray");
  await listener.hand(APPLICATION, DNS, "x".repeat(9000));
  assertEquals([flows.length, sockets.size, counts.stray, counts.tooLarge], [0, 0, 2, 1]);
  assertEquals(cuts, ["udp-tproxy 10.0.0.1:40000 8972"]);
  await listener.hand(APPLICATION, { host: "192.0.2.53", port: 6522 }, "another machine's");
  assertEquals(flows.length, 1);
  tproxy.close();
});

Deno.test("where no socket can answer there is no flow, and the log names the remedy", async () => {
  const { PermissionDenied, AddrInUse } = Deno.errors;
  const reasons: [Error, Address, string][] = [
    [
      new PermissionDenied("denied"),
      DNS,
      "denied; answers from ports below 1024 need the capability CAP_NET_BIND_SERVICE",
    ],
    [new PermissionDenied("denied"), { ...DNS, port: 5353 }, "denied"],
    [
      new AddrInUse("in use"),
      DNS,
      "in use; a program of this machine listens at port 53 of every address, let it listen at its own",
    ],
  ];
  for (const [error, destination, reason] of reasons) {
    const { tproxy, listener, flows, lines, counts } = start(error);
    await listener.hand(APPLICATION, destination, "x");
    assertEquals([flows.length, counts.noFlow], [0, 1]);
    assertEquals(lines.map(({ event, from, reason }) => [event, from, reason]), [
      ["datagrams refused", "10.0.0.1:40000", reason],
    ]);
    tproxy.close();
  }
});
