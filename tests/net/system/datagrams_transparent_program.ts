/** Runs in the namespace of datagrams_transparent_test.ts, and prints what it saw, or the error, as JSON. */
import { DatagramBatch } from "../../../src/net/datagram.ts";
import { systemDatagrams } from "../../../src/net/system/datagrams.ts";
import { batchTo, encode, receiveAll } from "../datagram_contract.ts";

/** Sends a question to an address of no machine. @returns The destination and the traffic class as the listener sees them. */
async function ask(listenAt: string, from: string, to: string): Promise<Record<string, unknown>> {
  const listener = systemDatagrams.bind({ host: listenAt, port: 7000 }, { transparent: "listener" });
  const application = systemDatagrams.bind({ host: from, port: 0 }), batch = new DatagramBatch(4, 100);
  const question = batchTo({ host: to, port: 53 }, [encode("question"), encode("another")]);
  question.classes.fill(0xb8);
  application.send(question, 2);
  const count = await listener.receive(batch), destinations = [batch.local(0), batch.local(count - 1)];
  const known = batch.remote(0).port === application.address.port;
  // Two at one address, as of two workers, and one with the listener's port.
  const sources = [53, 53, 7000].map((port) => systemDatagrams.bind({ host: to, port }, { transparent: "source" }));
  for (const source of sources.slice(0, 2)) source.send(batchTo(application.address, [encode("answer")]), 1);
  const answer = new DatagramBatch(4, 100);
  await application.receive(answer);
  const answered = answer.remote(0);
  // Another listener can't have the address, though.
  let second = "bound";
  try {
    systemDatagrams.bind(listener.address, { transparent: "listener" }).close();
  } catch (error) {
    second = (error as Error).name;
  }
  // The listener has later datagrams, too, although a socket has their destination's address.
  application.send(question, 1);
  const later = await receiveAll(listener, 1);
  for (const socket of [listener, application, ...sources]) socket.close();
  return { known, destinations, trafficClass: batch.classes[0], answered, second, later };
}

try {
  const cases = [
    ["0.0.0.0", "10.77.1.1", "192.0.2.53"],
    ["::", "10.77.1.1", "192.0.2.53"],
    ["::", "fd77:1::1", "2001:db8::53"],
  ] as const;
  const seen = [];
  for (const [listenAt, from, to] of cases) seen.push(await ask(listenAt, from, to));
  console.log(JSON.stringify(seen));
} catch (error) {
  console.log(JSON.stringify(String(error)));
}
