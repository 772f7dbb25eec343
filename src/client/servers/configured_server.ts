import { canonicalHost, isIp, sameHost } from "../../net/ip.ts";
import type { Server } from "../../config/types.ts";
import type { NameCache } from "../../net/names/name_cache.ts";
import { assignAddresses } from "./address_assignment.ts";

/** A configured server's host names: what has to be resolved for it. */
export function namesOf({ channels }: Server): string[] {
  return channels.map(({ host }) => host).filter((host) => !isIp(host));
}

/** A server whose channels are at IP addresses. */
export interface ResolvedServer extends Server {
  /** For each channel at a name, the name's other addresses, to be tried in turn; none is another channel's. */
  readonly alternatives?: readonly (readonly string[])[];
}

/** A server of the configuration, whose channels may be names. */
export class ConfiguredServer {
  readonly #configured: Server;
  readonly #names: NameCache;
  /** The hosts of the channels as they are configured, addresses in their one spelling. */
  readonly #hosts: readonly string[];
  /** What the names stood for when the server was last asked for, and what it came to. */
  #answers: readonly (readonly string[])[] = [];
  #resolved: ResolvedServer | undefined;

  /**
   * A server.
   *
   * @param names Resolves all of {@linkcode namesOf} it.
   */
  constructor(server: Server, names: NameCache) {
    this.#configured = server;
    this.#names = names;
    this.#hosts = server.channels.map(({ host }) => isIp(host) ? canonicalHost(host) : host);
    if (this.#hosts.every(isIp)) this.#resolved = server;
  }

  /** Whether one of its channels is at a host, an address or the name itself, and it serves that port. */
  serves(host: string, port: number): boolean {
    const { ports } = this.#configured;
    if (ports !== undefined && !ports.includes(port)) return false;
    return this.#hosts.some((own) => sameHost(own, host) || this.#names.owns(own, host));
  }

  /** Whether one of its channels is at that host, an address or the name itself, and port. */
  isChannel(host: string, port: number): boolean {
    return this.#configured.channels.some((channel, at) => {
      const own = this.#hosts[at]!;
      return channel.port === port && (sameHost(own, host) || this.#names.owns(own, host));
    });
  }

  /**
   * The server with an address for each channel; the same object as long as they are the same.
   *
   * @throws {Error} When a name could not be resolved, or the channels have too few addresses among them.
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
        `server ${name}: the ${channels.length} channels stand for only ${found.length} ` +
          `address${found.length === 1 ? "" : "es"} (${found.join(", ")}); each needs one that no other has`,
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
        channels: channels.map(({ port }, at) => ({ host: hosts[at]!, port })),
        ...others.length > 0 && { alternatives: others },
      };
    }
    return this.#resolved!;
  }
}

/** Each channel's other addresses, in an order that name servers can't shuffle; each is one channel's. None in all: []. */
function alternativesOf(answers: readonly (readonly string[])[], chosen: readonly string[]): string[][] {
  const taken = new Set(chosen);
  const all = answers.map((answer) => {
    const left = answer.filter((host) => !taken.has(host)).sort();
    for (const host of left) taken.add(host);
    return left;
  });
  return all.some((hosts) => hosts.length > 0) ? all : [];
}
