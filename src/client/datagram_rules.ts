import { type Address, formatAddress, sameAddress } from "../net/address.ts";
import { NO_ROUTE, OwnedSocket } from "../net/linux/owned_socket.ts";
import type { OwnConnections } from "../net/own_connections.ts";
import { Inconclusive } from "../observe/readiness.ts";
import { FAMILIES, type Family, familyOfHost } from "../rules/ruleset.ts";
import { PROBE_PORTS, SENTINELS } from "../rules/sentinel.ts";
import type { Clock } from "../time/clock.ts";
import { ProbeArrivals } from "./probe_arrivals.ts";
import { FAMILY_NAMES, listenedFamilies } from "./rules_in_place.ts";

/** Interval of a probe's datagrams, in milliseconds: one may get lost. */
const INTERVAL = 500;

/** A socket that sends a probe's datagrams; disposal closes it. */
export interface ProbeSender extends Disposable {
  /** Local port. */
  readonly port: number;
  /** Sends one. @returns 0, or the system's error number. */
  send(to: Address): number;
}

/** Opens a socket at a local port, 0 for any. @returns Undefined if the system refuses. */
export type OpenSender = (family: Family, port: number) => ProbeSender | undefined;

/** Options of {@linkcode DatagramRules}. */
export interface DatagramRulesOptions {
  /** Measures time limits. */
  readonly clock: Clock;
  /** This machine's addresses. */
  readonly ownHosts: () => readonly string[];
  /** Arrivals at all workers, if there are several. */
  readonly shared?: OwnConnections | undefined;
  /** Default: the system's. */
  readonly open?: OpenSender;
}

/** Verifies by probes that rules hand applications' datagrams to a client handler. */
export class DatagramRules {
  readonly #arrivals: ProbeArrivals;
  readonly #options: DatagramRulesOptions;
  #lastPort = PROBE_PORTS[1];
  /** Versions of IP whose datagrams were taken before. */
  readonly #seen = new Set<Family>();

  /** Starts without probing. */
  constructor(options: DatagramRulesOptions) {
    this.#options = options;
    this.#arrivals = new ProbeArrivals("datagram", options.clock, options.shared);
  }

  /** Takes a datagram that is a probe. @returns True if it is one. */
  consumes({ host, port }: Address, destination: Address): boolean {
    const isSentinel = FAMILIES.some((family) => sameAddress(destination, SENTINELS.tproxy[family]));
    const isProbe = port >= PROBE_PORTS[0] && port <= PROBE_PORTS[1] &&
      this.#options.ownHosts().includes(host);
    if (isSentinel || isProbe) this.#arrivals.note(keyOf(familyOfHost(destination.host), port));
    return isSentinel || isProbe;
  }

  /**
   * Verifies the rules.
   *
   * @param listeners Addresses that they must lead to.
   * @param expected True if rules of `micss rules` must be in place; another program's can't be detected.
   * @param destinations Destinations of applications that they must take; each is probed.
   * @throws {Inconclusive} If none were detected, and none of `micss rules` must be in place.
   * @throws {Error} If they are missing, or another rule takes precedence.
   */
  async verify(listeners: readonly Address[], expected: boolean, destinations: readonly Address[]): Promise<void> {
    const families = listenedFamilies(listeners);
    const found = await Promise.all(families.map((family) => this.#arrivesFrom(0, SENTINELS.tproxy[family])));
    const taken = families.filter((_, at) => found[at]);
    for (const family of taken) this.#seen.add(family);
    const lost = [...this.#seen].find((family) => !taken.includes(family));
    if (lost !== undefined) {
      throw new Error(`datagrams over ${FAMILY_NAMES[lost]} are no longer taken here; run micss rules apply`);
    }
    if (taken.length === 0) {
      if (expected) throw new Error("no datagram is taken here; run micss rules apply");
      throw new Inconclusive("no rules of micss for UDP are in place, and other rules can't be detected");
    }
    for (const to of destinations) {
      const family = familyOfHost(to.host);
      if (!taken.includes(family)) {
        if (expected) throw new Error(`no datagram over ${FAMILY_NAMES[family]} is taken here; run micss rules apply`);
        continue;
      }
      const [first, last] = PROBE_PORTS;
      this.#lastPort = this.#lastPort === last ? first : this.#lastPort + 1;
      if (await this.#arrivesFrom(this.#lastPort, to) !== false) continue;
      const why = "though rules are in place; see which other rule comes first";
      throw new Error(`a datagram to ${formatAddress(to)} is not taken here, ${why}`);
    }
  }

  /** Sends a probe until it arrives, or for as long as one may take. @returns Undefined if it can't be sent. */
  async #arrivesFrom(port: number, to: Address): Promise<boolean | undefined> {
    const { clock, open = systemSender } = this.#options;
    return await this.#arrivals.probe(async (signal) => {
      const family = familyOfHost(to.host);
      using sender = open(family, port);
      if (sender === undefined) return undefined;
      const arrival = this.#arrivals.arrives(keyOf(family, sender.port), signal);
      for (let over = false; !over;) {
        // Any other error is a firewall's: the probe does not arrive.
        if (NO_ROUTE.includes(sender.send(to))) return undefined;
        over = await Promise.race([arrival.then(() => true), clock.sleep(INTERVAL).then(() => false)]);
      }
      return await arrival;
    });
  }
}

/** Key of a source port: each version of IP has ports of its own. */
function keyOf(family: Family, port: number): number {
  return family === "ipv4" ? port : port + 65_536;
}

function systemSender(family: Family, port: number): ProbeSender | undefined {
  try {
    return new OwnedSocket(family, { port, datagrams: true });
  } catch {
    // Another probe has the port, or the system lacks the address family.
    return undefined;
  }
}
