import { MicssError } from "../../errors/errors.ts";
import { formatAddress } from "../address.ts";
import type { Connection, Listener } from "../connection.ts";
import { StartError } from "./listen.ts";

/** Protocol numbers (IANA; Linux for MPTCP). */
const TCP = 6, MPTCP = 262;

/** A channel's socket is not plain TCP. */
export class NotPlainTcp extends MicssError {
  /** @param protocol Number of the socket's protocol. */
  constructor(protocol: number) {
    const name = protocol === MPTCP ? "MPTCP" : `protocol ${protocol}`;
    super(`its socket is ${name}, not plain TCP, and may use another channel's path; start micss without mptcpize`);
  }
}

/**
 * Rejects a connection that may choose its own paths, as MPTCP does (RFC 8684): one path could then carry several
 * channels. A preloaded library or the kernel can turn a program's TCP into MPTCP without its knowledge.
 *
 * @throws {NotPlainTcp} If the connection is known not to be plain TCP.
 */
export function requirePlainTcp({ protocol }: Connection): void {
  if (protocol !== undefined && protocol !== TCP) throw new NotPlainTcp(protocol);
}

/**
 * Rejects listeners for the same reason.
 *
 * @throws {StartError} If one is known not to be plain TCP; all are closed then.
 */
export function requirePlainListeners(listeners: readonly Listener[]): void {
  for (const { address, protocols = [] } of listeners) {
    const other = protocols.find((protocol) => protocol !== TCP);
    if (other === undefined) continue;
    for (const listener of listeners) listener.close();
    const cause = new NotPlainTcp(other);
    throw new StartError(`can't listen at ${formatAddress(address)}: ${cause.message}`, { cause });
  }
}
