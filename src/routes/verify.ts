import { ANYWHERE, isLinkLocal } from "./flows.ts";
import { getRoute, type Ip } from "./ip.ts";
import { routeTo, type Way } from "./plan.ts";

/**
 * Asks the kernel for the way of each channel's packets: of the first one, which has no local address yet, and of those
 * that have one. Sends nothing.
 *
 * @returns Complaints, a line for each channel with one.
 * @throws {RoutesError} If `ip` is not installed.
 */
export async function verifyRoutes(ip: Ip, ways: readonly Way[]): Promise<string[]> {
  const complaints = await Promise.all(ways.map((way) => complaintOf(ip, way)));
  return complaints.flatMap((complaint, index) =>
    complaint === undefined ? [] : [`${ways[index]!.channel.name}: ${complaint}`]
  );
}

async function complaintOf(ip: Ip, way: Way): Promise<string | undefined> {
  const { channel: { family }, table, device } = way;
  for (const { to, words } of flowsOf(way)) {
    const [answer, due] = [await getRoute(ip, family, words), routeTo(to, way)];
    const flow = words.join(" ");
    if ("failure" in answer) {
      if (due !== undefined) return `ip route get ${flow}: ${answer.failure}; ${EARLIER}`;
      continue;
    }
    if (due !== undefined && answer.device === device && answer.table === table) continue;
    const expected = due === undefined ? "nowhere" : `by ${device}, table ${table}`;
    return `ip route get ${flow} leads by ${answer.device}, table ${answer.table}, not ${expected}; ${EARLIER}`;
  }
  return undefined;
}

const EARLIER = "see which rule of ip rule comes before ours";

/** The packets of a channel, as `ip route get` takes them. */
function flowsOf({ channel: { packets, family }, sources }: Way): { to: string; words: string[] }[] {
  if ("to" in packets) {
    const { to } = packets;
    const from = sources.filter((source) => !isLinkLocal(source) || isLinkLocal(to)).map((source) => ["from", source]);
    return [[], ...from].map((words) => ({ to, words: [to, ...words] }));
  }
  const to = ANYWHERE[family], port = String(packets.ports[0]);
  return sources.flatMap((source) =>
    packets.protocols.map((protocol) => ({ to, words: [to, "from", source, "ipproto", protocol, "sport", port] }))
  );
}

/** Describes where the packets of a channel go, in one line. */
export function describeWay(way: Way): string {
  const { channel: { packets, via }, device, routes } = way;
  if (device === undefined) return `nowhere: no device has ${via} now`;
  const route = "to" in packets ? routeTo(packets.to, way) : routes.find(({ to }) => to === "default");
  if (route !== undefined) {
    return route.gateway === undefined ? `by ${device}, on the link` : `by ${device}, router ${route.gateway}`;
  }
  if ("to" in packets) return `nowhere: ${device} has no route to ${packets.to} now`;
  return routes.length === 0
    ? `nowhere: ${device} has no routes now`
    : `by ${device}, to its own networks: it has no default route now`;
}

/** Finds ways of one server that leave by one device, and so are one path. @returns A line for each device. */
export function sharedDevices(ways: readonly Way[]): string[] {
  const groups = Map.groupBy(
    ways.filter(({ device }) => device !== undefined),
    ({ channel: { server }, device }) => `${server} ${device}`,
  );
  return [...groups.values()].flatMap((group) => {
    const names = [...new Set(group.map(({ channel: { name } }) => name))];
    return names.length < 2 ? [] : [`${names.join(" and ")} leave by ${group[0]!.device}: that is one path`];
  });
}
