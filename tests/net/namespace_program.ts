/** Runs in a network namespace for tests/net/namespace_test.ts: prints the result of the named program as JSON. */
import { systemClock } from "../../src/time/clock.ts";
import { Lookups } from "../../src/net/names/lookups.ts";
import { systemNetwork } from "../../src/net/system/tcp.ts";

/** Connects to a port where nothing listens, which is the only one that the system may pick as the local port. */
async function connectToItself(): Promise<string> {
  try {
    const connection = await systemNetwork.connect({ host: "127.0.0.1", port: 40_000 });
    connection.close();
    return "connected";
  } catch (error) {
    return (error as Error).name;
  }
}

/** Connects over IPv4 and IPv6 to a listener at [::], and returns the remote hosts of accepted connections. */
async function families(shared: boolean): Promise<string[]> {
  const listener = systemNetwork.listen({ host: "::", port: 0 }, shared);
  const taken = [];
  for (const host of ["127.0.0.1", "::1"]) {
    const connection = await systemNetwork.connect({ host, port: listener.address.port }).catch(() => null);
    if (connection === null) continue;
    const accepted = await listener.accept();
    taken.push(accepted!.remote.host);
    accepted!.close();
    connection.close();
  }
  listener.close();
  return taken;
}

/** The name server's A records; it does not answer other questions. */
const ADDRESSES: Record<string, number[]> = { "one.test": [192, 0, 2, 51], "one.test.search.test": [192, 0, 2, 66] };

/** Answers DNS (RFC 1035) at 127.0.0.1. */
async function serveNames(): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 53 });
  for await (const [query, client] of socket) {
    const labels: string[] = [];
    let at = 12;
    for (; query[at] !== 0; at += 1 + query[at]!) {
      labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + query[at]!)));
    }
    const address = ADDRESSES[labels.join(".").toLowerCase()];
    if (address === undefined) continue;
    const isA = query[at + 2] === 1;
    const header = [...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0];
    const record = isA ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, ...address] : [];
    await socket.send(Uint8Array.from([...header, ...query.subarray(12, at + 5), ...record]), client);
  }
}

/** Resolves an absolute name; then, while forty look-ups hang, a name of the hosts file and one for another user. */
async function names(): Promise<unknown> {
  serveNames();
  const lookups = new Lookups({ clock: systemClock });
  const absolute = await lookups.addresses("one.test.", { timeout: 6000 });
  for (let index = 0; index < 40; index++) {
    lookups.addresses(`n${index}.slow.test.`, { timeout: 8000, source: "busy" }).catch(() => {});
  }
  const known = await lookups.addresses("known.test", { timeout: 6000, source: "busy" });
  const another = await lookups.addresses("one.test.", { timeout: 6000, source: "another" });
  return { absolute, known, another };
}

const programs: Record<string, () => Promise<unknown>> = {
  itself: connectToItself,
  families: async () => [await families(false), await families(true)],
  names,
};
console.log(JSON.stringify(await programs[Deno.args[0]!]!()));
// Otherwise the process would wait for the look-ups that hang.
Deno.exit();
