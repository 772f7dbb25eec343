import { type ChannelAddress, DEFAULT_PORT, formatChannel } from "../net/address.ts";
import { canonicalHost, isIp, isIpv4 } from "../net/ip.ts";
import { HOST_PATTERN, PORT_PATTERN, textSchema } from "./json_schema.ts";
import { type Problems, quote } from "./problems.ts";
import { deviceSyntax } from "./rules.ts";
import { addressSyntax, type Syntax } from "./syntax.ts";

const plain = addressSyntax({ defaultPort: DEFAULT_PORT });

/** Pattern of a client's channel, for editors. */
export const CHANNEL_PATTERN: string = String.raw`${HOST_PATTERN}(:${PORT_PATTERN})?(\s+via\s+[\w.@:%\[\]\-]+)?`;

/** A client's channel: `192.0.2.10`, `192.0.2.10:6522 via wlan0`, `[2001:db8::10] via 2001:db8:1::5`. */
export const channelSyntax: Syntax<ChannelAddress> = {
  placeholder: "HOST[:PORT] [via DEVICE|ADDRESS]",
  means:
    `an address or host name, with a port unless it is ${DEFAULT_PORT}, and if need be the device or local address ` +
    "that its connection must leave by: 192.0.2.10, 192.0.2.10:80, [2001:db8::10]:80 via wlan0, host.example",
  schema: textSchema(CHANNEL_PATTERN),
  parse(text) {
    const [, address = text, way] = /^(\S+)\s+via\s+(.*)$/s.exec(text) ?? [];
    const channel = plain.parse(address);
    return way === undefined ? channel : { ...channel, via: parseWay(way.trim(), channel.host) };
  },
  format: formatChannel,
};

/** Reads a device's name, or a local address of the same family as `host`. */
function parseWay(text: string, host: string): string {
  const address = text.replace(/^\[(.*)\]$/, "$1");
  if (!isIp(address)) {
    try {
      return deviceSyntax.parse(text);
    } catch {
      throw new SyntaxError(`not a way: ${quote(text)}; write via DEVICE or via ADDRESS, such as via wlan0`);
    }
  }
  const way = canonicalHost(address);
  if (isIp(host) && isIpv4(canonicalHost(host)) !== isIpv4(way)) {
    throw new SyntaxError(`${host} can't be reached from ${way}: ${quote(text)}; write two addresses of one family`);
  }
  return way;
}

/** Reports each channel that is to leave by the way of an earlier one. */
export function checkDistinctWays(channels: readonly ChannelAddress[], problems: Problems): void {
  channels.forEach((channel, index) => {
    if (channel.via === undefined || !channels.slice(0, index).some(({ via }) => via === channel.via)) return;
    problems.at(channel, `two channels leave via ${channel.via}, and so share one path; give each its own way`);
  });
}
