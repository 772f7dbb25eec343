import type { Server } from "../config/types.ts";
import type { Address } from "../net/address.ts";

/**
 * Which server handler an address belongs to, and by which channels it is reached (paper, section III-C): what is
 * configured is local, fast, and out of any network adversary's reach.
 */
export class Directory {
  readonly #byName: ReadonlyMap<string, Server>;
  readonly #byHost: ReadonlyMap<string, readonly Server[]>;

  /**
   * A directory of what is configured.
   *
   * @param servers No name twice.
   */
  constructor(servers: readonly Server[]) {
    this.#byName = new Map(servers.map((server) => [server.name, server]));
    const hosts = servers.flatMap((server) => server.channels.map(({ host }) => [host, server] as const));
    this.#byHost = new Map(
      Map.groupBy(hosts, ([host]) => host).entries().map(([host, pairs]) => [
        host,
        pairs.map(([, server]) => server),
      ]),
    );
  }

  /** The server of that name, if configured. */
  named(name: string): Server | undefined {
    return this.#byName.get(name);
  }

  /**
   * The server that any of whose channels has the destination's address, and that serves its port.
   *
   * @param destination Where an application wanted to connect.
   */
  find({ host, port }: Address): Server | undefined {
    return this.#byHost.get(host)?.find(({ ports }) => ports === undefined || ports.includes(port));
  }

  /** Whether this is where a server handler takes a channel: handlers talk to that, never an application. */
  isChannel({ host, port }: Address): boolean {
    const servers = this.#byHost.get(host) ?? [];
    return servers.some(({ channels }) => channels.some((channel) => channel.host === host && channel.port === port));
  }
}
