/** Runs for datagrams_test.ts without permission for FFI, and prints what UDP does then as JSON. */
import { DatagramBatch } from "../../../src/net/datagram.ts";
import { ENDPOINT_WORDS, endpointOf } from "../../../src/net/endpoint.ts";
import { systemDatagrams } from "../../../src/net/system/datagrams.ts";

const at = { host: "127.0.0.1", port: 0 }, batch = new DatagramBatch(1, 100);
const [a, b] = [systemDatagrams.bind(at), systemDatagrams.bind(at)];
batch.lengths[0] = new TextEncoder().encodeInto("hello", batch.slot(0)).written;
batch.remotes.set(endpointOf(b.address).subarray(0, ENDPOINT_WORDS));
a.send(batch, 1);
await b.receive(batch);
a.close();
b.close();
const refused: string[] = [];
for (
  const [host, options] of [
    ["::", {}],
    ["127.0.0.1", { shared: true }],
    ["127.0.0.1", { device: "lo" }],
    ["127.0.0.1", { transparent: "listener" }],
  ] as const
) {
  try {
    systemDatagrams.bind({ host, port: 0 }, options);
  } catch (error) {
    refused.push((error as Error).message);
  }
}
console.log(JSON.stringify({ text: new TextDecoder().decode(batch.bytes(0)), refused }));
