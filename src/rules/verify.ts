import { type Address, formatAddress, sameAddress } from "../net/address.ts";
import type { Connection, Listener } from "../net/connection.ts";
import { OwnedSocket, type Owner } from "../net/linux/owned_socket.ts";
import { originalDestination, systemNetwork } from "../net/system/tcp.ts";
import type { Probe } from "./probe.ts";
import type { Rule } from "./ruleset.ts";
import { RulesError } from "./tools.ts";

/** Time limit for a connection within this machine, in milliseconds. */
const TIMEOUT = 2000;

/** Errors of connect() without a route: EADDRNOTAVAIL, ENETUNREACH and EHOSTUNREACH. */
const NO_ROUTE = [99, 101, 113];

const LOOPBACK = { ipv4: "127.0.0.1", ipv6: "::1" } as const;

/** Both ends of a probe, opened before it is made because their ports go into the rules. */
export class ProbeEnds implements Disposable {
  readonly #probe: Probe;
  readonly #socket: OwnedSocket;
  readonly #listener: Listener;

  /**
   * Opens both.
   *
   * @param port The handler's port, at which to listen if no handler runs yet.
   * @param exempt The rules that exempt users and groups.
   * @throws {RulesError} Without FFI, or the permission to act for other users.
   */
  constructor(probe: Probe, port: number, exempt: readonly Rule[]) {
    this.#probe = probe;
    try {
      this.#socket = new OwnedSocket(probe.family, { owner: ownerFor(probe, exempt) });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new RulesError(`can't make a connection to ${formatAddress(probe.to)}: ${why}; run it as root`);
    }
    this.#listener = listen(LOOPBACK[probe.family], port);
  }

  /** The probe's source port. */
  get fromPort(): number {
    return this.#socket.port;
  }

  /** The port at which it must arrive. */
  get toPort(): number {
    return this.#listener.address.port;
  }

  /**
   * Makes the probe.
   *
   * @returns False if it was not made because the route to its destination has gone.
   * @throws {RulesError} If it does not arrive, or with another destination.
   */
  async verify(): Promise<boolean> {
    const to = formatAddress(this.#probe.to);
    const failed = this.#socket.connect(this.#probe.to);
    if (NO_ROUTE.includes(failed)) return false;
    if (failed !== 0) {
      throw new RulesError(
        `a connection to ${to} failed with errno ${failed}; see which firewall or policy forbids it`,
      );
    }
    const destination = await this.#arrival();
    if (destination === undefined) {
      throw new RulesError(`a connection to ${to} did not arrive; see which other rule or firewall comes first`);
    }
    if (sameAddress(destination, this.#probe.to)) return true;
    const other = formatAddress(destination);
    throw new RulesError(`a connection to ${to} arrived as one to ${other}; see which other rule changes it`);
  }

  /** The original destination of the probe; undefined if it does not arrive. */
  async #arrival(): Promise<Address | undefined> {
    const timer = setTimeout(() => this.#listener.close(), TIMEOUT);
    try {
      for (;;) {
        using arrived = disposable(await this.#listener.accept());
        if (arrived.connection === null) return undefined;
        // Others are applications' connections, for which there is no handler yet.
        if (arrived.connection.remote.port === this.fromPort) return originalDestination(arrived.connection);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Closes both. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    this.#listener.close();
  }
}

function disposable(connection: Connection | null): Disposable & { connection: Connection | null } {
  return { connection, [Symbol.dispose]: () => connection?.reset() };
}

/** Listens at the handler's port if it is free, otherwise at any. */
function listen(host: string, port: number): Listener {
  try {
    return systemNetwork.listen({ host, port });
  } catch {
    return systemNetwork.listen({ host, port: 0 });
  }
}

/** Ids that are probably unused, for probes when this process's own ids are exempt. */
const UNUSED_IDS = [65_533, 65_532, 65_531];

/** The probe's owner: the user that the rule matches, or this process's if it matches any user, unless exempt. */
function ownerFor({ user }: Probe, exempt: readonly Rule[]): Owner | undefined {
  const [uids, gids] = [exempt.map((rule) => rule.user), exempt.map((rule) => rule.group)];
  const [ownUid, ownGid] = [Deno.uid()!, Deno.gid()!];
  const uid = user ?? [ownUid, ...UNUSED_IDS].find((uid) => !uids.includes(uid));
  const gid = [ownGid, ...UNUSED_IDS].find((gid) => !gids.includes(gid));
  if (uid === undefined || gid === undefined) throw new Error("every user is exempt");
  return uid === ownUid && gid === ownGid ? undefined : { uid, gid };
}
