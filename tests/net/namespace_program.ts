/** What tests/net/namespace_test.ts runs in a namespace of its own: one line of JSON for what it is asked. */
import { systemNetwork } from "../../src/net/tcp.ts";

/** Connects to a port at which nothing listens, the only one that the system may pick. */
async function connectToItself(): Promise<string> {
  try {
    const connection = await systemNetwork.connect({ host: "127.0.0.1", port: 40_000 });
    connection.close();
    return "connected";
  } catch (error) {
    return (error as Error).name;
  }
}

/** The families over which a listener at [::] takes a connection. */
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

const results = Deno.args[0] === "itself" ? await connectToItself() : [await families(false), await families(true)];
console.log(JSON.stringify(results));
