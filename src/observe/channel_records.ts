import type { Association } from "../association/association.ts";
import { reasonOf } from "../errors/errors.ts";
import { type Address, formatAddress, portAbove, sameAddress } from "../net/address.ts";

/** Maximum number of recorded channels; those of servers learned beyond it are not recorded. */
const MAX_RECORDS = 512;

/** Bytes carried by a channel. */
export interface Carried {
  /** To the other handler. */
  readonly sent: number;
  /** From the other handler. */
  readonly received: number;
}

/** The history of one channel, over all its associations. */
export interface ChannelRecord {
  /** The server's name on a client; empty on a server. */
  readonly server: string;
  /** Its number, from 1. */
  readonly index: number;
  /** Its address at the server handler. */
  readonly address: Address;
  /** Bytes carried in associations that have ended. */
  past: Carried;
  /** Number of associations that it ended or prevented. */
  failures: number;
  /** Number of times that it broke while its association waited for it. */
  broken: number;
  /** Number of times that it was joined again. */
  rejoined: number;
  /** Number of associations that found it to lie. */
  lies: number;
  /** The last failure or break: when, in milliseconds of the clock, why, and whether its association waited. */
  failed: { readonly at: number; readonly reason: string; readonly waited: boolean } | null;
  /** When an association with it was last made, or it was last joined again, in milliseconds of the clock. */
  associated: number | null;
}

/** The channels that a handler uses or has used. */
export class ChannelRecords {
  readonly #records = new Map<string, ChannelRecord>();

  /** All records, in order of creation. */
  get all(): readonly ChannelRecord[] {
    return [...this.#records.values()];
  }

  /** Adds records for all of a server's channels, given in their order. */
  know(server: string, addresses: readonly Address[]): void {
    addresses.forEach((address, at) => {
      const key = keyOf(server, address);
      if (this.#records.has(key) || this.#records.size >= MAX_RECORDS) return;
      const index = at + 1;
      this.#records.set(key, {
        server,
        index,
        address,
        past: { sent: 0, received: 0 },
        failures: 0,
        broken: 0,
        rejoined: 0,
        lies: 0,
        failed: null,
        associated: null,
      });
    });
  }

  /**
   * Finds the record of a channel.
   *
   * @returns Undefined for an unknown channel, or one beyond the maximum.
   */
  find(server: string, address: Address): ChannelRecord | undefined {
    return this.#records.get(keyOf(server, address)) ??
      this.#records.values().find((one) => one.server === server && isAt(one.address, address));
  }

  /**
   * Finds the records of an association's channels, in its order.
   *
   * @param worker Number of the server's worker at the other end. A channel has one record for all workers.
   */
  of(association: Association, server: string, worker = 0): (ChannelRecord | undefined)[] {
    return association.addresses.map((address) => this.find(server, portAbove(address, -worker)));
  }

  /** Records a failure of a channel. */
  failed(record: ChannelRecord | undefined, at: number, cause: unknown): void {
    if (record === undefined) return;
    record.failures++;
    record.failed = { at, reason: reasonOf(cause), waited: false };
  }

  /** Records that a channel has broken, and is to be joined again. */
  broken(record: ChannelRecord | undefined, at: number, cause: unknown): void {
    if (record === undefined) return;
    record.broken++;
    record.failed = { at, reason: reasonOf(cause), waited: true };
  }

  /** Records that a channel is known to lie. */
  lied(record: ChannelRecord | undefined, at: number): void {
    if (record === undefined) return;
    record.lies++;
    record.failed = { at, reason: "its shares are not those that were sent", waited: false };
  }

  /** Records that a channel has been joined again. */
  rejoined(record: ChannelRecord | undefined, at: number): void {
    if (record === undefined) return;
    record.rejoined++;
    record.associated = at;
  }
}

function keyOf(server: string, address: Address): string {
  return `${server}=${formatAddress(address)}`;
}

/** True if a listener, possibly at a wildcard address, accepts connections to `address`. */
function isAt(listening: Address, address: Address): boolean {
  if (listening.port !== address.port) return false;
  return /^(0\.0\.0\.0|::)$/.test(listening.host) || sameAddress(listening, address);
}
