/**
 * Relays UDP with the product's sockets, a socket towards the target for each source: `udp_relay.ts LISTEN TARGET`. Two in a
 * row do what the handlers do without MICSS.
 *
 * @module
 */

import { parseAddress } from "../src/net/address.ts";
import { DatagramBatch, type DatagramSocket } from "../src/net/datagram.ts";
import { DatagramWriter } from "../src/net/datagram_writer.ts";
import { type Endpoint, ENDPOINT_WORDS, endpointOf } from "../src/net/endpoint.ts";
import { EndpointMap } from "../src/net/endpoint_map.ts";
import { systemDatagrams } from "../src/net/system/datagrams.ts";

const CAPACITY = 64, SIZE = 2048;

const [listen, target] = Deno.args.map((text) => parseAddress(text)) as [
  ReturnType<typeof parseAddress>,
  ReturnType<typeof parseAddress>,
];
const socket = systemDatagrams.bind(listen), back = new DatagramWriter(socket, SIZE), to = endpointOf(target);
const ways = new EndpointMap<DatagramWriter>();

/** Hands each datagram that arrives at a socket over. */
async function forward(from: DatagramSocket, take: (batch: DatagramBatch, index: number) => void): Promise<void> {
  const batch = new DatagramBatch(CAPACITY, SIZE);
  for (let count = await from.receive(batch); count > 0; count = await from.receive(batch)) {
    for (let index = 0; index < count; index++) take(batch, index);
  }
}

/** Opens the way of a source, and the way back. */
function open(source: Endpoint): DatagramWriter {
  const out = systemDatagrams.bind({ host: "0.0.0.0", port: 0 }, { outgoing: true });
  void forward(out, (batch, index) => void back.add(source, null, [batch.bytes(index)], batch.classes[index]!));
  const writer = new DatagramWriter(out, SIZE);
  ways.set(source, 0, writer);
  return writer;
}

console.log("listening");
await forward(socket, (batch, index) => {
  const at = index * ENDPOINT_WORDS;
  const way = ways.get(batch.remotes, at) ?? open(batch.remotes.slice(at, at + ENDPOINT_WORDS));
  way.add(to, null, [batch.bytes(index)], batch.classes[index]!);
});
