/** The networks of a cell's parties: all their connections are watched, and the adversary interposes on its channels. */
import type { Connection, Listener, Network } from "../../src/net/connection.ts";
import type { MemoryNetwork } from "../support/network/memory_network.ts";
import type { Adversary } from "./adversary.ts";
import type { Witness } from "./witness.ts";

/**
 * A client's network, whose owned channels lead to the adversary.
 *
 * @param network Leads to the server.
 * @param outside Connects applications to the client.
 */
export function clientPaths(
  client: string,
  network: MemoryNetwork,
  outside: MemoryNetwork,
  witness: Witness,
  adversary?: Adversary,
): Network {
  const times = new Map<number, number>();
  return {
    listen: (at) => outside.listen(at),
    async connect(to, signal) {
      const channel = Number(to.host.split(".").at(-1)) - 1;
      const association = times.get(channel) ?? 0;
      times.set(channel, association + 1);
      const connection = adversary?.means.owned.includes(channel)
        ? await orAborted(through(adversary, client, channel), signal)
        : paced(await network.connect(to, signal), adversary);
      return witness.watch(client, connection, { association, channel });
    },
  };
}

/** The server's network, whose listeners' connections are watched. */
export function serverPaths(network: MemoryNetwork, witness: Witness): Network {
  let accepted = 0;
  return {
    connect: (to, signal) => network.connect(to, signal),
    listen(at): Listener {
      const listener = network.listen(at);
      const channel = Number(at.host.split(".").at(-1)) - 1;
      return {
        address: listener.address,
        async accept() {
          const connection = await listener.accept();
          return connection && witness.watch("server", connection, { association: accepted++, channel });
        },
        close: () => listener.close(),
      };
    },
  };
}

/** A connection whose other end is the adversary's. */
async function through(adversary: Adversary, client: string, channel: number): Promise<Connection> {
  const near = Promise.withResolvers<Connection>();
  await adversary.takes(client, channel, async () => {
    const [toClient, outside] = await adversary.means.pair(channel);
    near.resolve(outside);
    return toClient;
  });
  return await near.promise;
}

/** A connection on the honest channel: never tampered with, but possibly slow. */
function paced(connection: Connection, adversary: Adversary | undefined): Connection {
  if (adversary === undefined) return connection;
  return {
    local: connection.local,
    remote: connection.remote,
    read: (into) => connection.read(into),
    write: async (bytes) => {
      await adversary.honestPace();
      return await connection.write(bytes);
    },
    closeWrite: () => connection.closeWrite(),
    close: () => connection.close(),
    reset: () => connection.reset(),
  };
}

function orAborted(work: Promise<Connection>, signal: AbortSignal | undefined): Promise<Connection> {
  const aborted = Promise.withResolvers<never>();
  signal?.addEventListener("abort", () => aborted.reject(signal.reason));
  // A connection made too late is closed by the adversary.
  aborted.promise.catch(() => {});
  work.catch(() => {});
  return Promise.race([work, aborted.promise]);
}
