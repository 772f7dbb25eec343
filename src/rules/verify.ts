import { setTimeout as sleep } from "node:timers/promises";
import { type Address, formatAddress, sameAddress } from "../net/address.ts";
import type { Connection, Listener } from "../net/connection.ts";
import { DatagramBatch, type DatagramSocket } from "../net/datagram.ts";
import { NO_ROUTE, OwnedSocket, type Owner } from "../net/linux/owned_socket.ts";
import { systemDatagrams } from "../net/system/datagrams.ts";
import { originalDestination, systemNetwork } from "../net/system/tcp.ts";
import type { Probe } from "./probe.ts";
import type { Rule } from "./ruleset.ts";
import { RulesError } from "./tools.ts";

/** Time limit for a connection or datagram within this machine, in milliseconds. */
const TIMEOUT = 2000;

/** Interval of a probe's datagrams, in milliseconds: a busy machine may lose one. */
const INTERVAL = 200;

const LOOPBACK = { ipv4: "127.0.0.1", ipv6: "::1" } as const;

const ANY = { ipv4: "0.0.0.0", ipv6: "::" } as const;

/** Both ends of a probe, opened before it is made because their ports go into the rules. */
export interface ProbeEnds extends Disposable {
  /** The probe's source port. */
  readonly fromPort: number;
  /** The port at which it must arrive. */
  readonly toPort: number;
  /**
   * Makes the probe.
   *
   * @returns False if it was not made because the route to its destination has gone.
   * @throws {RulesError} If it does not arrive, or with another destination.
   */
  verify(): Promise<boolean>;
}

/**
 * Opens both ends of a probe.
 *
 * @param exempt The rules that exempt users and groups.
 * @throws {RulesError} Without FFI, or the permission to act for other users.
 */
export function openProbe(probe: Probe, exempt: readonly Rule[]): ProbeEnds {
  if (probe.protocol === "udp") return new DatagramEnds(probe, exempt);
  const { verdict } = probe.rule;
  return new ConnectionEnds(probe, typeof verdict !== "string" && "redirect" in verdict ? verdict.redirect : 0, exempt);
}

class ConnectionEnds implements ProbeEnds {
  readonly #probe: Probe;
  readonly #socket: OwnedSocket;
  readonly #listener: Listener;

  /** @param port The handler's port, at which to listen if no handler runs yet. */
  constructor(probe: Probe, port: number, exempt: readonly Rule[]) {
    this.#probe = probe;
    this.#socket = openSocket(probe, exempt);
    this.#listener = listen(LOOPBACK[probe.family], port);
  }

  get fromPort(): number {
    return this.#socket.port;
  }

  get toPort(): number {
    return this.#listener.address.port;
  }

  async verify(): Promise<boolean> {
    if (!wasMade(this.#probe, this.#socket.connect(this.#probe.to))) return false;
    checkArrival(this.#probe, await this.#arrival());
    return true;
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

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    this.#listener.close();
  }
}

class DatagramEnds implements ProbeEnds {
  readonly #probe: Probe;
  readonly #socket: OwnedSocket;
  readonly #listener: DatagramSocket;

  constructor(probe: Probe, exempt: readonly Rule[]) {
    this.#probe = probe;
    this.#socket = openSocket(probe, exempt);
    try {
      this.#listener = systemDatagrams.bind({ host: ANY[probe.family], port: 0 }, { transparent: "listener" });
    } catch (error) {
      this.#socket[Symbol.dispose]();
      throw unableTo(probe, error);
    }
  }

  get fromPort(): number {
    return this.#socket.port;
  }

  get toPort(): number {
    return this.#listener.address.port;
  }

  async verify(): Promise<boolean> {
    const arrival = this.#arrival();
    for (let waited = 0, arrived = false; !arrived && waited < TIMEOUT; waited += INTERVAL) {
      if (!wasMade(this.#probe, this.#socket.send(this.#probe.to))) return false;
      arrived = await Promise.race([arrival.then(() => true), sleep(INTERVAL, false)]);
    }
    this.#listener.close();
    checkArrival(this.#probe, await arrival);
    return true;
  }

  /** The original destination of the probe; undefined once the listener is closed. */
  async #arrival(): Promise<Address | undefined> {
    const batch = new DatagramBatch(1, 1);
    while (await this.#listener.receive(batch) > 0) {
      if (batch.remote(0).port === this.fromPort) return batch.local(0);
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    this.#listener.close();
  }
}

const NAMES = { tcp: "connection", udp: "datagram" } as const;

/** Names a probe in messages: `a datagram to 192.0.2.1:53`. */
export function describeProbe({ protocol, to }: Probe): string {
  return `a ${NAMES[protocol]} to ${formatAddress(to)}`;
}

/** @returns False without a route. @throws {RulesError} If the system refused to send the probe. */
function wasMade(probe: Probe, failed: number): boolean {
  if (failed === 0) return true;
  if (NO_ROUTE.includes(failed)) return false;
  throw new RulesError(
    `${describeProbe(probe)} failed with errno ${failed}; see which firewall or policy forbids it`,
  );
}

/** @throws {RulesError} If a probe arrived with another destination than its own, or not at all. */
function checkArrival(probe: Probe, destination: Address | undefined): void {
  if (destination === undefined) {
    throw new RulesError(`${describeProbe(probe)} did not arrive; see which other rule or firewall comes first`);
  }
  if (sameAddress(destination, probe.to)) return;
  const other = formatAddress(destination);
  throw new RulesError(`${describeProbe(probe)} arrived as one to ${other}; see which other rule changes it`);
}

function openSocket(probe: Probe, exempt: readonly Rule[]): OwnedSocket {
  const { protocol, family } = probe;
  try {
    return new OwnedSocket(family, { owner: ownerFor(probe, exempt), datagrams: protocol === "udp" });
  } catch (error) {
    throw unableTo(probe, error);
  }
}

function unableTo({ protocol, to }: Probe, error: unknown): RulesError {
  const why = error instanceof Error ? error.message : String(error);
  return new RulesError(`can't make a ${NAMES[protocol]} to ${formatAddress(to)}: ${why}; run it as root`);
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
