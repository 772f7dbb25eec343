import type { Address } from "../net/address.ts";
import { formatAddress } from "../net/address.ts";
import type { Clock } from "../net/clock.ts";
import type { Connection, Network } from "../net/connection.ts";
import { sameAddress } from "../net/sockaddr.ts";
import { NotLookedAt } from "../observe/admin/readiness.ts";
import { FAMILIES, type Family } from "../rules/ruleset.ts";
import type { OwnPaths } from "../workers/own_paths.ts";
import type { Arrival } from "./entry/arrival.ts";

/**
 * Where a connection goes that `micss rules` leads to the handler whoever makes it, the handler itself included: so it can
 * see that rules are in place without the right to look at them. On loopback, at a port that nobody serves (tcpmux's, RFC
 * 1078): without rules it is refused at once, and never leaves the machine.
 */
export const LED: Readonly<Record<Family, Address>> = {
  ipv4: { host: "127.6.5.22", port: 1 },
  ipv6: { host: "::1", port: 1 },
};

/** At which hosts a listener is found by connections that rules of this machine redirect. */
const FOUND_AT: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ["0.0.0.0", "127.0.0.1", "::"],
  ipv6: ["::", "::1"],
};

/** How long a connection within this machine may take, in milliseconds. */
const PATIENCE = 2000;

/** How often to look whether a connection has come to another worker, in milliseconds. */
const INTERVAL = 10;

/** Looks whether the rules that lead applications' connections to a client handler are in place. */
export class RulesInPlace {
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #all: OwnPaths | undefined;
  /** Ports that connect, each by whom it waits for, while somebody looks. */
  readonly #awaited = new Map<number, () => void>();
  readonly #arrived = new Set<number>();
  #looking = 0;
  /** The versions of IP over which they were in place once. */
  readonly #seen = new Set<Family>();

  /**
   * Has seen nothing yet.
   *
   * @param network Makes connections as they are, not as the handler's own that must not come back.
   * @param all Where several workers note what has come to them: a connection may be led to any.
   */
  constructor(network: Network, clock: Clock, all?: OwnPaths) {
    this.#all = all;
    this.#network = network;
    this.#clock = clock;
  }

  /** Whether an arrival is nothing but a sign that rules are in place; it is ended then. */
  takes({ connection, destination, redirected }: Arrival): boolean {
    if (!redirected || !FAMILIES.some((family) => sameAddress(destination, LED[family]))) return false;
    const { port } = connection.remote;
    if (this.#looking > 0) this.#arrived.add(port);
    this.#all?.made(ledFrom(port));
    this.#awaited.get(port)?.();
    // Not reset: whoever connects might then see no connection at all.
    connection.close();
    return true;
  }

  /**
   * Looks.
   *
   * @param redirects Where rules have to lead to.
   * @param expected Whether rules of `micss rules` have to be there; those of somebody else's can't be seen.
   * @throws {NotLookedAt} When none were seen, and none of `micss rules` have to be there.
   * @throws {Error} When they are not there.
   */
  async look(redirects: readonly Address[], expected: boolean): Promise<void> {
    const families = FAMILIES.filter((family) => redirects.some(({ host }) => FOUND_AT[family].includes(host)));
    if (families.length === 0) {
      throw new NotLookedAt(`rules that lead to ${redirects.map(formatAddress).join()} can't be seen from here`);
    }
    const led = await Promise.all(families.map((family) => this.#isLed(family)));
    for (const [index, family] of families.entries()) {
      if (led[index]) this.#seen.add(family);
      else if (this.#seen.has(family)) {
        const name = family === "ipv4" ? "IPv4" : "IPv6";
        throw new Error(`connections over ${name} are led here no more; run micss rules apply`);
      }
    }
    if (led.includes(true)) return;
    if (expected) throw new Error("no connection is led here; run micss rules apply");
    throw new NotLookedAt("none of micss rules are in place, and others can't be seen from here");
  }

  async #isLed(family: Family): Promise<boolean> {
    const late = new AbortController();
    const over = Promise.withResolvers<void>();
    const forget = this.#clock.after(PATIENCE, () => {
      late.abort(new Error("too late"));
      over.resolve();
    });
    this.#looking++;
    let connection: Connection | undefined;
    try {
      connection = await this.#network.connect(LED[family], late.signal);
      const { port } = connection.local;
      this.#awaited.set(port, over.resolve);
      if (!this.#arrived.has(port)) await Promise.race([over.promise, this.#ledToAnother(port, late.signal)]);
      return this.#arrived.has(port) || (this.#all?.has(ledFrom(port)) ?? false);
    } catch {
      return false;
    } finally {
      forget();
      late.abort();
      if (connection !== undefined) this.#awaited.delete(connection.local.port);
      connection?.close();
      if (--this.#looking === 0) this.#arrived.clear();
    }
  }

  /** Waits until a connection has come to another worker, or that is given up; for ever where there is none. */
  async #ledToAnother(port: number, late: AbortSignal): Promise<void> {
    const all = this.#all;
    if (all === undefined) return await new Promise(() => {});
    while (!all.has(ledFrom(port)) && !this.#arrived.has(port) && !late.aborted) {
      await new Promise<void>((resolve) => this.#clock.after(INTERVAL, resolve));
    }
  }
}

/** What workers call a connection that was led to one of them. */
function ledFrom(port: number): string {
  return `led from ${port}`;
}
