import { type Address, formatAddress } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import type { Network } from "../net/connection.ts";
import { OwnedSocket } from "../net/linux/owned_socket.ts";
import { ownHosts } from "../net/own_hosts.ts";
import { sameAddress } from "../net/sockaddr.ts";
import { NotLookedAt } from "../observe/readiness.ts";
import { FAMILIES, type Family, familyOfHost } from "../rules/ruleset.ts";
import type { OwnConnections } from "../net/own_connections.ts";
import type { Arrival } from "./ingress/arrival.ts";
import { type Lead, PROBE_PORTS, SENTINELS } from "../rules/sentinel.ts";

/** At which hosts a listener is found by connections that rules of this machine lead to it. */
const FOUND_AT: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ["0.0.0.0", "127.0.0.1", "::"],
  ipv6: ["::", "::1"],
};

const NAMES: Readonly<Record<Family, string>> = { ipv4: "IPv4", ipv6: "IPv6" };

/** Remedy for lost rules. */
const REMEDY: Readonly<Record<Lead, string>> = {
  redirect: "run micss rules apply",
  tproxy: "put the TPROXY rules in place again",
};

/** How long a connection within this machine may take, in milliseconds. */
const PROBE_TIMEOUT = 2000;

/** How often to look whether a connection has come to another worker, in milliseconds. */
const INTERVAL = 10;

/**
 * Begins a connection from a local port, ended by its disposal.
 *
 * @returns Undefined when the system does not begin it, such as without a route.
 */
export type ConnectFrom = (port: number, to: Address) => Disposable | undefined;

/** Looks whether the rules that lead applications' connections to a client handler are in place. */
export class RulesInPlace {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #all: OwnConnections | undefined;
  readonly #connectFrom: ConnectFrom;
  /** Ports that connect, each by whom it waits for, while somebody looks. */
  readonly #awaited = new Map<number, () => void>();
  readonly #arrived = new Set<number>();
  #probes = 0;
  #lastPort = PROBE_PORTS[1];
  /** The sentinels that were led here once. */
  readonly #seen = new Set<Address>();

  /**
   * Has seen nothing yet.
   *
   * @param network Makes connections as they are, not as the handler's own that must not come back.
   * @param all Where several workers note what has come to them: a connection may be led to any.
   * @param connectFrom Default: the system's.
   */
  constructor(network: Network, clock: Clock, all?: OwnConnections, connectFrom: ConnectFrom = systemConnectFrom) {
    this.#all = all;
    this.#network = network;
    this.#clock = clock;
    this.#connectFrom = connectFrom;
  }

  /** Whether an arrival only shows that rules are in place; it is ended then. */
  consumes({ connection, destination, redirected }: Arrival): boolean {
    if (!redirected) return false;
    const { host, port } = connection.remote;
    const sentinels = Object.values(SENTINELS).flatMap((of) => Object.values(of));
    const isProbe = port >= PROBE_PORTS[0] && port <= PROBE_PORTS[1] && ownHosts().includes(host);
    if (!isProbe && !sentinels.some((sentinel) => sameAddress(destination, sentinel))) return false;
    if (this.#probes > 0) this.#arrived.add(port);
    this.#all?.made(arrivalFrom(port));
    this.#awaited.get(port)?.();
    // Not reset: whoever connects might then see no connection at all.
    connection.close();
    return true;
  }

  /**
   * Looks for rules that redirect.
   *
   * @param redirects Where they have to lead to.
   * @param expected Whether rules of `micss rules` have to be there; those of another program can't be seen.
   * @param destinations Where applications connect whom they have to take: each is tried.
   * @throws {NotLookedAt} When none were seen, and none of `micss rules` have to be there.
   * @throws {Error} When they are not there, or another rule comes before them.
   */
  async verify(
    redirects: readonly Address[],
    expected: boolean,
    destinations: readonly Address[] = [],
  ): Promise<void> {
    const led = await this.#led("redirect", redirects);
    if (led.length === 0) {
      if (expected) throw new Error("no connection is redirected here; run micss rules apply");
      throw new NotLookedAt("none of micss rules are in place, and others can't be seen from here");
    }
    for (const to of destinations) {
      const family = familyOfHost(to.host);
      if (led.includes(family)) {
        if (await this.#isRedirected(to) !== false) continue;
        const why = "though rules are in place; see which other rule comes first";
        throw new Error(`a connection to ${formatAddress(to)} is not redirected here, ${why}`);
      }
      if (expected) throw new Error(`no connection over ${NAMES[family]} is redirected here; run micss rules apply`);
    }
  }

  /**
   * Looks for rules of TPROXY, which are made by hand.
   *
   * @param tproxies Where they have to lead to.
   * @throws {NotLookedAt} When none were seen.
   * @throws {Error} When they are there no more.
   */
  async verifyTproxy(tproxies: readonly Address[]): Promise<void> {
    if ((await this.#led("tproxy", tproxies)).length > 0) return;
    const { host, port } = SENTINELS.tproxy.ipv4;
    throw new NotLookedAt(`no TPROXY rule for port ${port} of ${host} and of [::1], by which others could be seen`);
  }

  /** The versions of IP over which sentinels are led here. @throws {Error} When one was led here before, and is not now. */
  async #led(lead: Lead, listeners: readonly Address[]): Promise<Family[]> {
    const families = FAMILIES.filter((family) => listeners.some(({ host }) => FOUND_AT[family].includes(host)));
    if (families.length === 0) {
      throw new NotLookedAt(`rules that lead to ${listeners.map(formatAddress).join()} can't be seen from here`);
    }
    const looks = await Promise.all(families.map((family) => this.#isLed(SENTINELS[lead][family])));
    const led = families.filter((_, at) => looks[at]);
    for (const family of led) this.#seen.add(SENTINELS[lead][family]);
    const lost = families.find((family) => !led.includes(family) && this.#seen.has(SENTINELS[lead][family]));
    if (lost === undefined) return led;
    throw new Error(`${NAMES[lost]} is no longer redirected here; ${REMEDY[lead]}`);
  }

  async #isLed(sentinel: Address): Promise<boolean> {
    return await this.#probe(async (late) => {
      const connection = await this.#network.connect(sentinel, late);
      try {
        return await this.#arrives(connection.local.port, late);
      } finally {
        connection.close();
      }
    });
  }

  /** Whether a connection as an application's arrives here; undefined when it can't be made. */
  async #isRedirected(to: Address): Promise<boolean | undefined> {
    const [first, last] = PROBE_PORTS;
    const port = this.#lastPort = this.#lastPort === last ? first : this.#lastPort + 1;
    return await this.#probe(async (late) => {
      using connecting = this.#connectFrom(port, to);
      return connecting && await this.#arrives(port, late);
    });
  }

  /** Runs a look, which has failed when its time is over. */
  async #probe<T>(look: (late: AbortSignal) => Promise<T>): Promise<T | false> {
    const late = new AbortController();
    const cancel = this.#clock.after(PROBE_TIMEOUT, () => late.abort(new Error("too late")));
    this.#probes++;
    try {
      return await look(late.signal);
    } catch {
      return false;
    } finally {
      cancel();
      late.abort();
      if (--this.#probes === 0) this.#arrived.clear();
    }
  }

  /** Waits until a connection from a port has come here, or to another worker. */
  async #arrives(port: number, late: AbortSignal): Promise<boolean> {
    const over = Promise.withResolvers<void>();
    late.addEventListener("abort", () => over.resolve());
    this.#awaited.set(port, over.resolve);
    try {
      const hasCome = () => this.#arrived.has(port) || (this.#all?.has(arrivalFrom(port)) ?? false);
      if (!hasCome()) await Promise.race([over.promise, this.#arrivesElsewhere(hasCome, late)]);
      return hasCome();
    } finally {
      this.#awaited.delete(port);
    }
  }

  /** Waits until a connection has come to another worker, or that is given up; for ever where there is none. */
  async #arrivesElsewhere(hasCome: () => boolean, late: AbortSignal): Promise<void> {
    if (this.#all === undefined) return await new Promise(() => {});
    while (!hasCome() && !late.aborted) {
      await new Promise<void>((resolve) => this.#clock.after(INTERVAL, resolve));
    }
  }
}

function systemConnectFrom(port: number, to: Address): Disposable | undefined {
  try {
    const socket = new OwnedSocket(familyOfHost(to.host), { port });
    if (socket.connect(to) === 0) return socket;
    socket[Symbol.dispose]();
  } catch {
    // Another look has the port, or the system does not have the family.
  }
  return undefined;
}

/** What workers call a connection that was led to one of them. */
function arrivalFrom(port: number): string {
  return `led from ${port}`;
}
