/**
 * The marks of packets, rules and routes by which this machine's datagrams come back to it. A mark is a whole number, and
 * unlikely to be another program's; the protocol is one that Linux has assigned to none (rtnetlink(7), `rtm_protocol`), and
 * that of `micss routes`.
 *
 * @module
 */

/** Mark of packets that are to be handed to the handler. */
export const MARK = 6522;

/** Priority of the rule for marked packets: after the kernel's for local addresses, before those of `micss routes`. */
export const MARK_PRIORITY = 6521;

/** Number of the routing table in which every address is local. */
export const MARK_TABLE = 6_521_000;

/** Protocol of the rule and of the route. */
export const MARK_PROTOCOL = 65;
