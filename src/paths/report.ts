import { type Align, columns, count } from "../text/format.ts";
import type { ServerPaths } from "./measure.ts";
import type { ChannelPath } from "./path.ts";
import { isOnePath, type Shared } from "./shared.ts";

const HEAD = ["", "CHANNEL", "LOCAL", "DEVICE", "GATEWAY", "ROUND TRIP", "DATAGRAM", "HOPS"];
const ALIGN: readonly Align[] = ["right", "left", "left", "left", "left", "right", "right", "left"];

/**
 * Describes the paths of a server's channels: a table, what failed, the largest datagrams, and a line for each thing that
 * channels share.
 */
export function report({ server, channels, maxPayload, wireguardMtu, shared }: ServerPaths): string {
  const failures = channels.flatMap(({ channel, failure }) =>
    failure === undefined ? [] : [`channel ${channel}: ${failure}`]
  );
  const datagrams = maxPayload === undefined || wireguardMtu === undefined ? [] : [
    `Datagrams of up to ${
      count(maxPayload)
    } bytes fit all channels; the MTU of WireGuard through them is ${wireguardMtu}.`,
  ];
  const onePath = shared.some(isOnePath);
  // Two channels that share a path now can't come to share it.
  const straying = onePath
    ? []
    : channels.flatMap(({ channel, strays }) => strays === undefined ? [] : [`channel ${channel}: ${strays}`]);
  const verdict = onePath
    ? ["NOT SEPARATE: whoever owns what they share has a share of each."]
    : failures.length > 0
    ? ["Not known whether they are separate: not every channel has a path now."]
    : shared.length > 0
    ? ["Separate at this machine; what they share on the way has a share of each."]
    : straying.length > 0
    ? ["Separate now, as far as this machine can tell, but not when a link goes down."]
    : ["Separate, as far as this machine can tell."];
  const table = columns([HEAD, ...channels.map(row)], ALIGN, "  ");
  return [server, ...table, ...failures, ...straying, ...datagrams, ...shared.map(describe), ...verdict, ""].join("\n");
}

function row({ channel, address, local, device, gateway, roundTrip, maxDatagram, hops }: ChannelPath): string[] {
  return [
    `${channel}`,
    address,
    local ?? "-",
    device ?? "-",
    gateway ?? (device === undefined ? "-" : "none"),
    roundTrip === undefined ? "-" : `${roundTrip.toFixed(1)} ms`,
    maxDatagram === undefined ? "-" : `${count(maxDatagram)} B`,
    hops === undefined ? "unknown here" : hops.length === 0 ? "none answers" : hops.map((hop) => hop ?? "*").join(" "),
  ];
}

function describe({ kind, name, channels }: Shared): string {
  const all = `${channels.slice(0, -1).join(", ")} and ${channels.at(-1)}`;
  const [way, end] = {
    device: ["leave by the same device", ": that is one path"],
    gateway: ["have the same gateway", ": that is one path"],
    hop: ["go through the same hop", ""],
  }[kind]!;
  return `channels ${all} ${way}, ${name}${end}`;
}
