import { systemClock } from "../../time/clock.ts";
import { type OwnAddress, ownAddresses, ownHosts } from "../own_hosts.ts";
import { Lookups } from "./lookups.ts";

/** Time limit for resolving a name, in milliseconds. */
const TIMEOUT = 5_000;

/** A machine's addresses and name resolution; tests substitute another. */
export interface LocalMachine {
  /** Addresses assigned to it; none if unknown. */
  readonly hosts: () => readonly string[];
  /** The same with their devices. */
  readonly addresses: () => readonly OwnAddress[];
  /** Resolves a name to its addresses. @throws {Error} With the name and the reason. */
  readonly resolve: (name: string) => Promise<readonly string[]>;
}

/** Shared by all callers, so that names that hang occupy a bounded number of threads. */
const lookups = new Lookups({ clock: systemClock });

/** The machine that this process runs on, for names in its configuration. */
export const localMachine: LocalMachine = {
  hosts: ownHosts,
  addresses: ownAddresses,
  resolve: (name) => lookups.addresses(name, { timeout: TIMEOUT, source: name }),
};
