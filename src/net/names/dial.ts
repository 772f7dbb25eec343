import { type Address, formatAddress } from "../address.ts";
import type { Connection, Network } from "../connection.ts";
import { isIp } from "../ip.ts";
import type { Lookups } from "./lookups.ts";
import type { Clock } from "../../time/clock.ts";

/** How {@linkcode connectInTurn} goes about it. */
export interface ConnectOptions {
  /** Makes the connection. */
  readonly network: Network;
  /** Measures time limits. */
  readonly clock: Clock;
  /** Time limit for all addresses together, in milliseconds. */
  readonly timeout: number;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/** How {@linkcode dial} goes about it. */
export interface DialOptions extends ConnectOptions {
  /** Finds the addresses of names. */
  readonly lookups: Lookups;
  /** The user or address for which the name is looked up. */
  readonly source?: string;
}

/**
 * Connects to a host: where it is a name, to its addresses in turn, in the resolver's order.
 *
 * @throws What looking the name up, or {@linkcode connectInTurn}, throws.
 */
export async function dial({ host, port }: Address, options: DialOptions): Promise<Connection> {
  if (isIp(host)) return await connectInTurn([{ host, port }], options);
  const { clock, timeout } = options;
  const began = clock.now();
  const hosts = await options.lookups.addresses(host, options);
  const left = Math.max(1, timeout - (clock.now() - began));
  return await connectInTurn(hosts.map((host) => ({ host, port })), { ...options, timeout: left });
}

/**
 * Connects to the first of some addresses that takes a connection. Each may take an equal part of the time that is left,
 * so that one that does not answer leaves time for the others.
 *
 * @param addresses At least one, each with an IP address.
 * @throws {Deno.errors.ConnectionRefused} When one refused, and none took the connection.
 * @throws What the system reports, or the signal's reason.
 */
export async function connectInTurn(addresses: readonly Address[], options: ConnectOptions): Promise<Connection> {
  const { clock, timeout, signal } = options;
  const deadline = clock.now() + timeout;
  const failures: unknown[] = [];
  for (const [index, address] of addresses.entries()) {
    const part = Math.max(1, (deadline - clock.now()) / (addresses.length - index));
    try {
      return await connectWithin(address, part, options);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      failures.push(error);
    }
  }
  throw failures.length === 1 ? failures[0] : combined(addresses, failures);
}

async function connectWithin(
  address: Address,
  timeout: number,
  { network, clock, signal }: ConnectOptions,
): Promise<Connection> {
  const giveUp = new AbortController();
  const abort = () => giveUp.abort(signal!.reason);
  const seconds = Math.round(timeout / 10) / 100;
  const cancel = clock.after(timeout, () => giveUp.abort(new Error(`no connection within ${seconds} s`)));
  signal?.addEventListener("abort", abort);
  try {
    signal?.throwIfAborted();
    return await network.connect(address, giveUp.signal);
  } finally {
    cancel();
    signal?.removeEventListener("abort", abort);
  }
}

/** One error for several. One that refused is there, which says more than silence. */
function combined(addresses: readonly Address[], failures: readonly unknown[]): Error {
  const reasons = failures.map((failure, at) => {
    const reason = failure instanceof Error ? failure.message.replace(/ \(os error \d+\)$/, "") : String(failure);
    return `${formatAddress(addresses[at]!)}: ${reason}`;
  });
  const refused = failures.some((failure) => failure instanceof Deno.errors.ConnectionRefused);
  return new (refused ? Deno.errors.ConnectionRefused : Error)(reasons.join("; "), { cause: failures[0] });
}
