/** Runs in the namespaces of datagrams_namespace_test.ts: `server`, or `client`, which prints what it saw as JSON. */
import { DatagramBatch, SendOutcome } from "../../../src/net/datagram.ts";
import { systemDatagrams } from "../../../src/net/system/datagrams.ts";
import { batchTo } from "../datagram_contract.ts";

const PORT = 7000;

/** Answers each datagram with its length and the sender's host. */
async function serve(): Promise<void> {
  const socket = systemDatagrams.bind({ host: "::", port: PORT }), batch = new DatagramBatch(16, 2048);
  console.log("listening");
  for (let count = await socket.receive(batch); count > 0; count = await socket.receive(batch)) {
    for (let index = 0; index < count; index++) {
      const text = `${batch.lengths[index]} from ${batch.remote(index).host}`;
      batch.lengths[index] = new TextEncoder().encodeInto(text, batch.slot(index)).written;
    }
    socket.send(batch, count);
  }
}

/** Sends datagrams of a length until one is answered or refused. @returns The answer, or the outcome. */
async function ask(host: string, from: string, device: string | undefined, length: number): Promise<unknown> {
  const socket = systemDatagrams.bind({ host: from, port: 0 }, device === undefined ? {} : { device });
  const to = { host, port: PORT }, before = socket.maxPayload(to);
  const out = batchTo(to, [new Uint8Array(length)]), into = new DatagramBatch(1, 100);
  let answer: string | undefined;
  const receiving = socket.receive(into).then((count) => {
    if (count > 0) answer = new TextDecoder().decode(into.bytes(0));
  });
  let outcome = SendOutcome.Sent;
  for (let times = 0; times < 100 && answer === undefined && outcome === SendOutcome.Sent; times++) {
    socket.send(out, 1);
    outcome = out.outcomes[0]!;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const after = socket.maxPayload(to), three = batchTo(to, [100, length, length].map((size) => new Uint8Array(size)));
  // Datagrams of one length leave in one message, if they may.
  socket.send(three, 3);
  const sent = [...three.outcomes].map((one) => SendOutcome[one]).join();
  socket.close();
  await receiving;
  return { answer: answer ?? SendOutcome[outcome], before, after, sent };
}

const [what, ...hosts] = Deno.args;
if (what === "server") {
  await serve();
} else {
  const [ipv4, ipv6] = hosts as [string, string];
  console.log(JSON.stringify({
    short: await ask(ipv4, "0.0.0.0", undefined, 1000),
    short6: await ask(ipv6, "::", undefined, 1000),
    long: await ask(ipv4, "192.168.1.5", undefined, 1400),
    long6: await ask(ipv6, "2001:db8:1::5", undefined, 1400),
    device: await ask(ipv4, "0.0.0.0", "lte0", 1400),
  }));
}
