import { MicssError, reasonOf } from "../../errors/errors.ts";
import type { Clock } from "../../time/clock.ts";
import { limitInSeconds } from "../../text/format.ts";
import { deadline } from "../../time/deadline.ts";
import { type Address, formatAddress } from "../address.ts";
import type { Connection, Network } from "../connection.ts";
import { isIp } from "../ip.ts";
import type { Lookups } from "./lookups.ts";

/** No connection was established in time. */
export class ConnectTimeout extends MicssError {}

/** Options of {@linkcode connectInTurn}. */
export interface ConnectOptions {
  /** Makes the connection. */
  readonly network: Network;
  /** Measures time limits. */
  readonly clock: Clock;
  /** Time limit for all addresses together, in milliseconds. */
  readonly timeout: number;
  /** Cancels, with its reason. */
  readonly signal?: AbortSignal;
}

/** Options of {@linkcode dial}. */
export interface DialOptions extends ConnectOptions {
  /** Resolves names. */
  readonly lookups: Lookups;
  /** User or address on whose behalf the name is resolved. */
  readonly source?: string;
}

/**
 * Connects to a host; to a name's addresses in turn, in the resolver's order.
 *
 * @throws The errors of {@linkcode Lookups.addresses} and {@linkcode connectInTurn}.
 */
export function dial(address: Address, options: DialOptions): Promise<Connection> {
  return isIp(address.host) ? connectInTurn([address], options) : dialName(address, options);
}

async function dialName({ host, port }: Address, options: DialOptions): Promise<Connection> {
  const { clock, timeout } = options;
  const began = clock.now();
  const hosts = await options.lookups.addresses(host, options);
  const left = Math.max(1, timeout - (clock.now() - began));
  return await connectInTurn(hosts.map((host) => ({ host, port })), { ...options, timeout: left });
}

/**
 * Connects to the first address that accepts. Each attempt gets an equal part of the remaining time, so that an address
 * that does not answer leaves time for the others.
 *
 * @param addresses At least one, each with an IP address.
 * @throws {Deno.errors.ConnectionRefused} When one refused and none accepted.
 * @throws The system's error, or the signal's reason.
 */
export function connectInTurn(addresses: readonly Address[], options: ConnectOptions): Promise<Connection> {
  // Most have one: not an async function more.
  return addresses.length === 1 ? connectWithin(options.timeout, addresses[0]!, options) : inTurn(addresses, options);
}

async function inTurn(addresses: readonly Address[], options: ConnectOptions): Promise<Connection> {
  const { clock, timeout, signal } = options;
  const end = clock.now() + timeout;
  const failures: unknown[] = [];
  for (const [index, address] of addresses.entries()) {
    const share = Math.max(1, (end - clock.now()) / (addresses.length - index));
    try {
      return await connectWithin(share, address, options);
    } catch (error) {
      if (signal?.aborted) throw error;
      failures.push(error);
    }
  }
  throw combined(addresses, failures);
}

/** Connects to an address. @throws The system's error, or the signal's reason. */
async function connectWithin(
  ms: number,
  address: Address,
  { network, clock, signal }: ConnectOptions,
): Promise<Connection> {
  const reason = () => new ConnectTimeout(`no connection within ${limitInSeconds(ms)}`);
  using limit = deadline(clock, ms, { reason, signal });
  try {
    return await network.connect(address, limit.signal);
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}

/** One error for several. Refused if any is: an address that refused exists, while silence says nothing. */
function combined(addresses: readonly Address[], failures: readonly unknown[]): Error {
  const reasons = failures.map((failure, index) => `${formatAddress(addresses[index]!)}: ${reasonOf(failure)}`);
  const refused = failures.some((failure) => failure instanceof Deno.errors.ConnectionRefused);
  return new (refused ? Deno.errors.ConnectionRefused : Error)(reasons.join("; "), { cause: failures[0] });
}
