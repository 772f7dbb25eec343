import { UsageError } from "../config/problems.ts";
import type { ListenerPorts } from "./listener_ports.ts";
import { MARK } from "./mark.ts";
import type { Destination } from "./resolved_servers.ts";
import { type Chain, FAMILIES, type Family, type Rule } from "./ruleset.ts";
import { PROBE_PORTS, SENTINELS } from "./sentinel.ts";

/** The parts of a client's rules for UDP. */
export interface DatagramSelection {
  /** Ports of the listeners for TPROXY. */
  readonly ports: ListenerPorts;
  /** Destinations to take; there is a port for the family of each. */
  readonly taken: readonly Destination[];
  /** Rules that exempt users and groups. */
  readonly accounts: readonly Rule[];
  /** Rules that exempt destinations. */
  readonly exemptions: readonly Rule[];
  /** Users whose datagrams are taken; empty for all. */
  readonly users: readonly { readonly text: string; readonly user: number }[];
  /** Devices whose incoming, forwarded datagrams are taken too. */
  readonly takeFrom: readonly string[];
}

const MULTICAST: Rule = { note: "Multicast and broadcast", manyTo: true, verdict: "return" };

const LOOPBACK = "lo";

/**
 * Makes the chains that hand datagrams to the client handler. NAT would lose their destination, so those of this machine are
 * marked, by which a route brings them back to it, by loopback; from there, as those to be forwarded from a device, they go to
 * a transparent socket. A marked one that leaves by another device has lost its route, and is dropped.
 *
 * @throws {UsageError} If no user or group is exempt.
 */
export function datagramChains(selection: DatagramSelection): Chain[] {
  const { ports, taken, accounts, exemptions, users, takeFrom } = selection;
  if (accounts.length === 0) {
    throw new UsageError([
      "micss rules: with take-udp, the handler's own datagrams would come back to it; run it as a dedicated user and " +
      "give --exempt-uid",
    ]);
  }
  const families = FAMILIES.filter((family) => taken.some((to) => to.family === family));
  const marking = taken.map((to): Rule => ({ ...to, note: `Marked: ${to.note}`, verdict: { mark: MARK } }));
  const ofUsers = users.length === 0
    ? marking
    : users.flatMap(({ text, user }) =>
      marking.map((rule): Rule => ({ ...rule, user, note: `${rule.note}, of user ${text}` }))
    );
  const handOver = (family: Family) => ({ tproxy: ports[family]!, mark: MARK });
  const forwarded = takeFrom.flatMap((from) =>
    taken.map((to): Rule => ({ ...to, from, note: `Taken: ${to.note}`, verdict: handOver(to.family) }))
  );
  return [
    {
      hook: "udp_output",
      rules: [...families.map(probeRule), ...accounts, ...exemptions, MULTICAST, ...ofUsers],
    },
    {
      hook: "udp_prerouting",
      rules: [
        ...families.map((family): Rule => sentinelRule(family, handOver(family))),
        ...families.map((family): Rule => {
          return { note: "Marked by this machine", family, from: LOOPBACK, mark: MARK, verdict: handOver(family) };
        }),
        ...forwarded.length === 0 ? [] : [...exemptions, MULTICAST, ...forwarded],
      ],
    },
    {
      hook: "udp_postrouting",
      rules: families.map((family): Rule => {
        return { note: "Marked, but without the route", family, notBy: LOOPBACK, mark: MARK, verdict: "drop" };
      }),
    },
  ];
}

/** Marks the handler's own probes, before its exemption. */
function probeRule(family: Family): Rule {
  const note = "Probes: the handler detects by these that the rules work";
  return { note, family, fromPort: PROBE_PORTS, sentinel: true, verdict: { mark: MARK } };
}

function sentinelRule(family: Family, verdict: Rule["verdict"]): Rule {
  const { host, port } = SENTINELS.tproxy[family];
  const to = { host, bits: family === "ipv4" ? 32 : 128 };
  const note = "Sentinels: the handler detects by these that the rules are in place";
  return { note, from: LOOPBACK, to, toPort: port, sentinel: true, verdict };
}
