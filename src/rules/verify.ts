import { type Address, formatAddress } from "../net/address.ts";
import type { Connection, Listener } from "../net/connection.ts";
import { OwnedSocket, type Owner } from "../net/linux/owned_socket.ts";
import { sameAddress } from "../net/sockaddr.ts";
import { originalDestination, systemNetwork } from "../net/system/tcp.ts";
import type { Probe } from "./probe.ts";
import type { Rule } from "./ruleset.ts";
import { RulesError } from "./tools.ts";

/** How long a connection within this machine may take, in milliseconds. */
const PATIENCE = 2000;

/** Why connecting does not even begin: EADDRNOTAVAIL, ENETUNREACH and EHOSTUNREACH. */
const NO_ROUTE = [99, 101, 113];

const LOOPBACK = { ipv4: "127.0.0.1", ipv6: "::1" } as const;

/** Both ends of a probe, before it is made: their ports go into the rules. */
export class ProbeEnds implements Disposable {
  readonly #probe: Probe;
  readonly #socket: OwnedSocket;
  readonly #listener: Listener;

  /**
   * Opens both.
   *
   * @param port The handler's port: where no handler runs yet, the probe arrives right there.
   * @param exempt The rules that leave alone connections of some users and groups.
   * @throws {RulesError} When it can't be: without FFI, or the right to act for others.
   */
  constructor(probe: Probe, port: number, exempt: readonly Rule[]) {
    this.#probe = probe;
    try {
      this.#socket = new OwnedSocket(probe.family, { owner: ownerFor(probe, exempt) });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new RulesError(`can't try a connection to ${formatAddress(probe.to)}: ${why}; run it as root`);
    }
    this.#listener = listen(LOOPBACK[probe.family], port);
  }

  /** The port that the probe comes from. */
  get fromPort(): number {
    return this.#socket.port;
  }

  /** The port that it has to arrive at. */
  get toPort(): number {
    return this.#listener.address.port;
  }

  /**
   * Makes the probe.
   *
   * @returns Whether it was made: not where there is no route to its destination any more.
   * @throws {RulesError} When it does not arrive, or not with its destination.
   */
  async prove(): Promise<boolean> {
    const to = formatAddress(this.#probe.to);
    const failed = this.#socket.connect(this.#probe.to);
    if (NO_ROUTE.includes(failed)) return false;
    if (failed !== 0) throw new RulesError(`a connection to ${to} failed with errno ${failed}; see what forbids it`);
    const destination = await this.#arrival();
    if (destination === undefined) {
      throw new RulesError(`a connection to ${to} did not arrive; see which other rule or firewall comes first`);
    }
    if (sameAddress(destination, this.#probe.to)) return true;
    const other = formatAddress(destination);
    throw new RulesError(`a connection to ${to} arrived as one to ${other}; see which other rule changes it`);
  }

  /** The destination of the probe as it arrives; undefined when it does not. */
  async #arrival(): Promise<Address | undefined> {
    const timer = setTimeout(() => this.#listener.close(), PATIENCE);
    try {
      for (;;) {
        using arrived = disposable(await this.#listener.accept());
        if (arrived.connection === null) return undefined;
        // Others are applications', which find no handler yet.
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

/** At the handler's own port if it is free; else at any. */
function listen(host: string, port: number): Listener {
  try {
    return systemNetwork.listen({ host, port });
  } catch {
    return systemNetwork.listen({ host, port: 0 });
  }
}

/** Users and groups that nobody is likely to have, for where this process itself is exempt. */
const STRANGERS = [65_533, 65_532, 65_531];

/** Who makes the probe: whoever the rule takes; this process's user if nobody in particular, unless exempt. */
function ownerFor({ user }: Probe, exempt: readonly Rule[]): Owner | undefined {
  const [uids, gids] = [exempt.map((rule) => rule.user), exempt.map((rule) => rule.group)];
  const [ownUid, ownGid] = [Deno.uid()!, Deno.gid()!];
  const uid = user ?? [ownUid, ...STRANGERS].find((uid) => !uids.includes(uid));
  const gid = [ownGid, ...STRANGERS].find((gid) => !gids.includes(gid));
  if (uid === undefined || gid === undefined) throw new Error("everybody is exempt");
  return uid === ownUid && gid === ownGid ? undefined : { uid, gid };
}
