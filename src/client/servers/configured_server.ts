import type { ServerCredentials } from "../../authenticate/credentials.ts";
import { canonicalHost, isIp, sameHost } from "../../net/ip.ts";
import type { Server } from "../../config/types.ts";
import type { NameCache } from "../../net/names/name_cache.ts";
import { assignAddresses } from "./address_assignment.ts";

/** Returns the host names among a server's channels. */
export function namesOf({ channels }: Server): string[] {
  return channels.map(({ host }) => host).filter((host) => !isIp(host));
}

/** A server whose channels have IP addresses. */
export interface ResolvedServer extends Server {
  /** Further addresses of each channel's name, to be tried in turn; none is another channel's. */
  readonly alternatives?: readonly (readonly string[])[];
  /** Keys for the server. Default: neither side is authenticated. */
  readonly credentials?: ServerCredentials;
}

/** A configured server, whose channels may have host names. */
export class ConfiguredServer {
  readonly #configured: ResolvedServer;
  readonly #names: NameCache;
  /** Hosts of the channels as configured, addresses in canonical spelling. */
  readonly #hosts: readonly string[];
  /** Addresses of the names at the last call of {@linkcode ConfiguredServer.get}, and its result. */
  #answers: readonly (readonly string[])[] = [];
  #resolved: ResolvedServer | undefined;

  /**
   * Resolves nothing yet.
   *
   * @param names Resolves at least the names that {@linkcode namesOf} returns.
   * @param credentials Keys for the server, if known.
   */
  constructor(server: Server, names: NameCache, credentials?: ServerCredentials) {
    this.#configured = credentials === undefined ? server : { ...server, credentials };
    this.#names = names;
    this.#hosts = server.channels.map(({ host }) => isIp(host) ? canonicalHost(host) : host);
    if (this.#hosts.every(isIp)) this.#resolved = this.#configured;
  }

  /** True if a channel has this host, as address or name, and the server serves this port. */
  serves(host: string, port: number): boolean {
    const { ports } = this.#configured;
    if (ports !== undefined && !ports.includes(port)) return false;
    return this.#hosts.some((own) => sameHost(own, host) || this.#names.owns(own, host));
  }

  /** True if a channel has this host, as address or name, and this port. */
  isChannel(host: string, port: number): boolean {
    return this.#configured.channels.some((channel, at) => {
      const own = this.#hosts[at]!;
      return channel.port === port && (sameHost(own, host) || this.#names.owns(own, host));
    });
  }

  /**
   * Returns the server with an address for each channel; the same object until they change.
   *
   * @throws {Error} If a name could not be resolved, or the channels' names have too few addresses.
   */
  async get(): Promise<ResolvedServer> {
    if (this.#resolved === this.#configured) return this.#configured;
    const answers = await Promise.all(this.#hosts.map((host) => isIp(host) ? [host] : this.#names.get(host)));
    if (this.#resolved !== undefined && answers.every((answer, at) => answer.join() === this.#answers[at]?.join())) {
      return this.#resolved;
    }
    const { channels, name } = this.#configured;
    const hosts = assignAddresses(answers, this.#resolved?.channels.map(({ host }) => host));
    if (hosts === null) {
      this.#resolved = undefined;
      const found = [...new Set(answers.flat())];
      throw new Error(
        `server ${name}: the ${channels.length} channels resolve to only ${found.length} ` +
          `address${found.length === 1 ? "" : "es"} (${found.join(", ")}); each channel needs one of its own`,
      );
    }
    this.#answers = answers;
    const others = alternativesOf(answers, hosts);
    const { channels: before = [], alternatives = [] } = this.#resolved ?? {};
    const unchanged = before.length > 0 && before.every(({ host }, at) => host === hosts[at]) &&
      others.join(";") === alternatives.join(";");
    if (!unchanged) {
      this.#resolved = {
        ...this.#configured,
        channels: channels.map((channel, at) => ({ ...channel, host: hosts[at]! })),
        ...others.length > 0 && { alternatives: others },
      };
    }
    return this.#resolved!;
  }
}

/** Returns each channel's other addresses, sorted against shuffling, each for one channel only; [] if there are none at all. */
function alternativesOf(answers: readonly (readonly string[])[], chosen: readonly string[]): string[][] {
  const taken = new Set(chosen);
  const all = answers.map((answer) => {
    const left = answer.filter((host) => !taken.has(host)).sort();
    for (const host of left) taken.add(host);
    return left;
  });
  return all.some((hosts) => hosts.length > 0) ? all : [];
}
