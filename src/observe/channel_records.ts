import type { Association } from "../association/association.ts";
import { reasonOf } from "../errors/errors.ts";
import { type Address, formatAddress, portAbove } from "../net/address.ts";
import { sameAddress } from "../net/sockaddr.ts";

/** How many channels are told apart; what comes beyond them, of servers that were learned, is not recorded. */
const MAX_CHANNELS = 512;

/** Bytes that a channel carried. */
export interface Carried {
  /** To the other handler. */
  readonly sent: number;
  /** From the other handler. */
  readonly received: number;
}

/** What is known of one channel, over all associations that it has been part of. */
export interface ChannelRecord {
  /** The server's name on a client; empty on a server. */
  readonly server: string;
  /** Its place, from 1. */
  readonly index: number;
  /** Its address at the server handler. */
  readonly address: Address;
  /** What it carried in associations that are over. */
  past: Carried;
  /** How often it was the one that ended an association, or kept one from coming about. */
  failures: number;
  /** The last time that it did, in milliseconds of the clock, and why. */
  failed: { readonly at: number; readonly reason: string } | null;
  /** When an association with it last came about. */
  associated: number | null;
}

/** The channels that a handler has, or has used. */
export class ChannelRecords {
  readonly #records = new Map<string, ChannelRecord>();

  /** All of them, in the order in which they became known. */
  get all(): readonly ChannelRecord[] {
    return [...this.#records.values()];
  }

  /** Makes a server's channels known, all of them at once, in their order. */
  know(server: string, addresses: readonly Address[]): void {
    addresses.forEach((address, at) => {
      const key = keyOf(server, address);
      if (this.#records.has(key) || this.#records.size >= MAX_CHANNELS) return;
      const index = at + 1;
      this.#records.set(key, {
        server,
        index,
        address,
        past: { sent: 0, received: 0 },
        failures: 0,
        failed: null,
        associated: null,
      });
    });
  }

  /**
   * The record of a channel.
   *
   * @returns Undefined for one that nobody made known, or came when there were too many.
   */
  find(server: string, address: Address): ChannelRecord | undefined {
    return this.#records.get(keyOf(server, address)) ??
      this.#records.values().find((one) => one.server === server && isAt(one.address, address));
  }

  /**
   * The records of an association's channels, in its order.
   *
   * @param worker The number of the server handler's worker that the association is with. A channel has one record for all
   * workers.
   */
  of(association: Association, server: string, worker = 0): (ChannelRecord | undefined)[] {
    return association.addresses.map((address) => this.find(server, portAbove(address, -worker)));
  }

  /** Notes that a channel failed. */
  failed(record: ChannelRecord | undefined, at: number, cause: unknown): void {
    if (record === undefined) return;
    record.failures++;
    record.failed = { at, reason: reasonOf(cause) };
  }
}

function keyOf(server: string, address: Address): string {
  return `${server}=${formatAddress(address)}`;
}

/** Whether what listens at an address, perhaps every one of the machine, has taken a connection at another. */
function isAt(listening: Address, address: Address): boolean {
  if (listening.port !== address.port) return false;
  return /^(0\.0\.0\.0|::)$/.test(listening.host) || sameAddress(listening, address);
}
