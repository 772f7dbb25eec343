import { MicssError } from "../../errors/errors.ts";
import { formatAddress } from "../address.ts";
import type { Connection, Listener } from "../connection.ts";
import { StartError } from "./listen.ts";

const TCP = 6, MPTCP = 262;

/** A channel's socket is not plain TCP. */
export class NotPlainTcp extends MicssError {
  /** An error in words. @param protocol The number of what it is instead. */
  constructor(protocol: number) {
    const name = protocol === MPTCP ? "MPTCP" : `protocol ${protocol}`;
    super(`its socket is ${name}, not plain TCP, and may take another channel's path; start micss without mptcpize`);
  }
}

/**
 * Refuses a connection that may run over paths of its own choice, as those of MPTCP do (RFC 8684): one path could then
 * carry several channels. A program's TCP can be made MPTCP without its doing: by a preloaded library, or by the kernel.
 *
 * @throws {NotPlainTcp} When it is not plain TCP.
 */
export function requirePlainTcp({ protocol }: Connection): void {
  if (protocol !== undefined && protocol !== TCP) throw new NotPlainTcp(protocol);
}

/**
 * The same for what listens.
 *
 * @throws {StartError} When one is not plain TCP; all are closed then.
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
