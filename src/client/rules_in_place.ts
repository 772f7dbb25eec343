import { type Address, formatAddress, sameAddress } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import type { Network } from "../net/connection.ts";
import { OwnedSocket } from "../net/linux/owned_socket.ts";
import { ownHosts } from "../net/own_hosts.ts";
import { Inconclusive } from "../observe/readiness.ts";
import { FAMILIES, type Family, familyOfHost } from "../rules/ruleset.ts";
import type { OwnConnections } from "../net/own_connections.ts";
import type { Arrival } from "./ingress/arrival.ts";
import { ProbeArrivals } from "./probe_arrivals.ts";
import { PROBE_PORTS, type RedirectKind, SENTINELS } from "../rules/sentinel.ts";

/** Listening hosts that rules of this machine can redirect to. */
const REDIRECTABLE: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ["0.0.0.0", "127.0.0.1", "::"],
  ipv6: ["::", "::1"],
};

/** Names of the versions of IP in messages. */
export const FAMILY_NAMES: Readonly<Record<Family, string>> = { ipv4: "IPv4", ipv6: "IPv6" };

/** Remedy for lost rules. */
const REMEDY: Readonly<Record<RedirectKind, string>> = {
  redirect: "run micss rules apply",
  tproxy: "put the TPROXY rules in place again",
};

/**
 * Starts a connection from a local port; disposal ends it.
 *
 * @returns Undefined if the system refuses, for example without a route.
 */
export type ConnectFrom = (port: number, to: Address) => Disposable | undefined;

/** Verifies by probe connections that rules redirect applications to a client handler. */
export class RulesInPlace {
  readonly #network: Network;
  readonly #connectFrom: ConnectFrom;
  readonly #arrivals: ProbeArrivals;
  #lastPort = PROBE_PORTS[1];
  /** Sentinels that were redirected here before. */
  readonly #seen = new Set<Address>();

  /**
   * Starts without probing.
   *
   * @param network Makes connections that may come back, unlike a {@linkcode LoopGuard}'s.
   * @param shared Arrivals at all workers, if there are several: a probe may arrive at any.
   * @param connectFrom Default: the system's.
   */
  constructor(network: Network, clock: Clock, shared?: OwnConnections, connectFrom: ConnectFrom = systemConnectFrom) {
    this.#network = network;
    this.#arrivals = new ProbeArrivals("probe", clock, shared);
    this.#connectFrom = connectFrom;
  }

  /** Ends an arrival that is a probe. @returns True if it is one. */
  consumes({ connection, destination, redirected }: Arrival): boolean {
    if (!redirected) return false;
    const { host, port } = connection.remote;
    const sentinels = Object.values(SENTINELS).flatMap((of) => Object.values(of));
    const isProbe = port >= PROBE_PORTS[0] && port <= PROBE_PORTS[1] && ownHosts().includes(host);
    if (!isProbe && !sentinels.some((sentinel) => sameAddress(destination, sentinel))) return false;
    this.#arrivals.note(port);
    // Not a reset: connecting could then fail.
    connection.close();
    return true;
  }

  /**
   * Verifies REDIRECT rules.
   *
   * @param redirects Addresses that they must redirect to.
   * @param expected True if rules of `micss rules` must be in place; another program's can't be detected.
   * @param destinations Destinations of applications that they must redirect; each is probed.
   * @throws {Inconclusive} If none were detected, and none of `micss rules` must be in place.
   * @throws {Error} If they are missing, or another rule takes precedence.
   */
  async verify(
    redirects: readonly Address[],
    expected: boolean,
    destinations: readonly Address[] = [],
  ): Promise<void> {
    const redirected = await this.#redirectedFamilies("redirect", redirects);
    if (redirected.length === 0) {
      if (expected) throw new Error("no connection is redirected here; run micss rules apply");
      throw new Inconclusive("none of micss rules are in place, and other rules can't be detected");
    }
    for (const to of destinations) {
      const family = familyOfHost(to.host);
      if (redirected.includes(family)) {
        if (await this.#isRedirected(to) !== false) continue;
        const why = "though rules are in place; see which other rule comes first";
        throw new Error(`a connection to ${formatAddress(to)} is not redirected here, ${why}`);
      }
      if (expected) {
        throw new Error(`no connection over ${FAMILY_NAMES[family]} is redirected here; run micss rules apply`);
      }
    }
  }

  /**
   * Verifies TPROXY rules, which are written by hand.
   *
   * @param tproxies Addresses that they must lead to.
   * @throws {Inconclusive} If none were ever detected.
   * @throws {Error} If they have been lost.
   */
  async verifyTproxy(tproxies: readonly Address[]): Promise<void> {
    if ((await this.#redirectedFamilies("tproxy", tproxies)).length > 0) return;
    const { host, port } = SENTINELS.tproxy.ipv4;
    throw new Inconclusive(
      `no TPROXY rule for port ${port} of ${host} and of [::1]; add it to have TPROXY rules checked`,
    );
  }

  /** Returns the families whose sentinels are redirected here. @throws {Error} If one was before, and no longer is. */
  async #redirectedFamilies(kind: RedirectKind, listeners: readonly Address[]): Promise<Family[]> {
    const families = listenedFamilies(listeners);
    const results = await Promise.all(families.map((family) => this.#isSentinelRedirected(SENTINELS[kind][family])));
    const redirected = families.filter((_, at) => results[at]);
    for (const family of redirected) this.#seen.add(SENTINELS[kind][family]);
    const lost = families.find((family) => !redirected.includes(family) && this.#seen.has(SENTINELS[kind][family]));
    if (lost === undefined) return redirected;
    throw new Error(`${FAMILY_NAMES[lost]} is no longer redirected here; ${REMEDY[kind]}`);
  }

  async #isSentinelRedirected(sentinel: Address): Promise<boolean> {
    return await this.#arrivals.probe(async (signal) => {
      const connection = await this.#network.connect(sentinel, signal);
      try {
        return await this.#arrivals.arrives(connection.local.port, signal);
      } finally {
        connection.close();
      }
    });
  }

  /** True if a connection like an application's arrives here; undefined if it can't be made. */
  async #isRedirected(to: Address): Promise<boolean | undefined> {
    const [first, last] = PROBE_PORTS;
    const port = this.#lastPort = this.#lastPort === last ? first : this.#lastPort + 1;
    return await this.#arrivals.probe(async (signal) => {
      using connecting = this.#connectFrom(port, to);
      return connecting && await this.#arrivals.arrives(port, signal);
    });
  }
}

/** The versions of IP that rules can lead to listeners. @throws {Inconclusive} If there are none. */
export function listenedFamilies(listeners: readonly Address[]): Family[] {
  const families = FAMILIES.filter((family) => listeners.some(({ host }) => REDIRECTABLE[family].includes(host)));
  if (families.length > 0) return families;
  throw new Inconclusive(`rules that redirect to ${listeners.map(formatAddress).join()} can't be detected`);
}

function systemConnectFrom(port: number, to: Address): Disposable | undefined {
  try {
    const socket = new OwnedSocket(familyOfHost(to.host), { port });
    if (socket.connect(to) === 0) return socket;
    socket[Symbol.dispose]();
  } catch {
    // Another probe has the port, or the system lacks the address family.
  }
  return undefined;
}
