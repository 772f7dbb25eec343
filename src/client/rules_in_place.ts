import { type Address, formatAddress, sameAddress } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import { deadline } from "../time/deadline.ts";
import type { Network } from "../net/connection.ts";
import { OwnedSocket } from "../net/linux/owned_socket.ts";
import { ownHosts } from "../net/own_hosts.ts";
import { Inconclusive } from "../observe/readiness.ts";
import { FAMILIES, type Family, familyOfHost } from "../rules/ruleset.ts";
import type { OwnConnections } from "../net/own_connections.ts";
import type { Arrival } from "./ingress/arrival.ts";
import { PROBE_PORTS, type RedirectKind, SENTINELS } from "../rules/sentinel.ts";

/** Listening hosts that rules of this machine can redirect to. */
const REDIRECTABLE: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ["0.0.0.0", "127.0.0.1", "::"],
  ipv6: ["::", "::1"],
};

const NAMES: Readonly<Record<Family, string>> = { ipv4: "IPv4", ipv6: "IPv6" };

/** Remedy for lost rules. */
const REMEDY: Readonly<Record<RedirectKind, string>> = {
  redirect: "run micss rules apply",
  tproxy: "put the TPROXY rules in place again",
};

/** Time limit of a probe, which stays on this machine, in milliseconds. */
const PROBE_TIMEOUT = 2000;

/** Interval of checks whether a probe arrived at another worker, in milliseconds. */
const POLL_INTERVAL = 10;

/**
 * Starts a connection from a local port; disposal ends it.
 *
 * @returns Undefined if the system refuses, for example without a route.
 */
export type ConnectFrom = (port: number, to: Address) => Disposable | undefined;

/** Verifies by probe connections that rules redirect applications to a client handler. */
export class RulesInPlace {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #shared: OwnConnections | undefined;
  readonly #connectFrom: ConnectFrom;
  /** Notifies the probe from each local port of its arrival. */
  readonly #awaited = new Map<number, () => void>();
  readonly #arrived = new Set<number>();
  #probes = 0;
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
    this.#shared = shared;
    this.#network = network;
    this.#clock = clock;
    this.#connectFrom = connectFrom;
  }

  /** Ends an arrival that is a probe. @returns True if it is one. */
  consumes({ connection, destination, redirected }: Arrival): boolean {
    if (!redirected) return false;
    const { host, port } = connection.remote;
    const sentinels = Object.values(SENTINELS).flatMap((of) => Object.values(of));
    const isProbe = port >= PROBE_PORTS[0] && port <= PROBE_PORTS[1] && ownHosts().includes(host);
    if (!isProbe && !sentinels.some((sentinel) => sameAddress(destination, sentinel))) return false;
    if (this.#probes > 0) this.#arrived.add(port);
    this.#shared?.made(arrivalFrom(port));
    this.#awaited.get(port)?.();
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
      if (expected) throw new Error(`no connection over ${NAMES[family]} is redirected here; run micss rules apply`);
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
    const families = FAMILIES.filter((family) => listeners.some(({ host }) => REDIRECTABLE[family].includes(host)));
    if (families.length === 0) {
      throw new Inconclusive(`rules that redirect to ${listeners.map(formatAddress).join()} can't be detected`);
    }
    const results = await Promise.all(families.map((family) => this.#isSentinelRedirected(SENTINELS[kind][family])));
    const redirected = families.filter((_, at) => results[at]);
    for (const family of redirected) this.#seen.add(SENTINELS[kind][family]);
    const lost = families.find((family) => !redirected.includes(family) && this.#seen.has(SENTINELS[kind][family]));
    if (lost === undefined) return redirected;
    throw new Error(`${NAMES[lost]} is no longer redirected here; ${REMEDY[kind]}`);
  }

  async #isSentinelRedirected(sentinel: Address): Promise<boolean> {
    return await this.#probe(async (signal) => {
      const connection = await this.#network.connect(sentinel, signal);
      try {
        return await this.#arrives(connection.local.port, signal);
      } finally {
        connection.close();
      }
    });
  }

  /** True if a connection like an application's arrives here; undefined if it can't be made. */
  async #isRedirected(to: Address): Promise<boolean | undefined> {
    const [first, last] = PROBE_PORTS;
    const port = this.#lastPort = this.#lastPort === last ? first : this.#lastPort + 1;
    return await this.#probe(async (signal) => {
      using connecting = this.#connectFrom(port, to);
      return connecting && await this.#arrives(port, signal);
    });
  }

  /** Runs a probe, which fails at the time limit. */
  async #probe<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T | false> {
    using limit = deadline(this.#clock, PROBE_TIMEOUT, { reason: () => new Error("no arrival in time") });
    this.#probes++;
    try {
      return await run(limit.signal);
    } catch {
      return false;
    } finally {
      limit.abort(new Error("the probe has ended"));
      if (--this.#probes === 0) this.#arrived.clear();
    }
  }

  /** Waits for a probe's arrival here or at another worker. @returns False at the time limit. */
  async #arrives(port: number, signal: AbortSignal): Promise<boolean> {
    const over = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => over.resolve());
    this.#awaited.set(port, over.resolve);
    try {
      const hasArrived = () => this.#arrived.has(port) || (this.#shared?.has(arrivalFrom(port)) ?? false);
      if (!hasArrived()) await Promise.race([over.promise, this.#arrivesElsewhere(hasArrived, signal)]);
      return hasArrived();
    } finally {
      this.#awaited.delete(port);
    }
  }

  /** Waits for an arrival at another worker or the signal; forever with a single worker. */
  async #arrivesElsewhere(hasArrived: () => boolean, signal: AbortSignal): Promise<void> {
    if (this.#shared === undefined) return await new Promise(() => {});
    while (!hasArrived() && !signal.aborted) {
      await this.#clock.sleep(POLL_INTERVAL);
    }
  }
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

/** Key of a probe's arrival among the workers' shared connections. */
function arrivalFrom(port: number): string {
  return `probe from ${port}`;
}
