import { canonicalHost, isIp, withoutZone } from "../net/ip.ts";
import { systemClock } from "../time/clock.ts";
import { Lookups } from "../net/names/lookups.ts";

/** How long a name may take to be resolved, in milliseconds. */
const PATIENCE = 5_000;

/** What the numbers and addresses behind names are: rules have no names. */
export interface ResolvedNames {
  /** The number of a user, given by name or number; undefined when there is none. */
  user(text: string): number | undefined;
  /** The number of a group, likewise. */
  group(text: string): number | undefined;
  /** The IP addresses of a host, in the spelling of `canonicalHost`; none when it is unknown. */
  addresses(host: string): readonly string[];
}

/**
 * Looks up the machine's users and groups, and the addresses of `hosts`.
 *
 * @param hosts Names, and addresses, which stand for themselves.
 */
export async function systemNames(hosts: readonly string[]): Promise<ResolvedNames> {
  const lookups = new Lookups({ clock: systemClock });
  const found = new Map(
    await Promise.all(hosts.map(async (host) => [host, await addressesOf(host, lookups)] as const)),
  );
  return {
    user: (text) => numberOf("/etc/passwd", text),
    group: (text) => numberOf("/etc/group", text),
    addresses: (host) => found.get(host) ?? [],
  };
}

/** Without zones: rules match addresses on every link. */
async function addressesOf(host: string, lookups: Lookups): Promise<string[]> {
  if (isIp(host)) return [withoutZone(canonicalHost(host))];
  const found = await lookups.addresses(host, { timeout: PATIENCE, source: host }).catch(() => []);
  return [...new Set(found.map(withoutZone))].sort();
}

/** The number in the third field of the line that begins with the name, as both files have it (passwd(5), group(5)). */
function numberOf(path: string, text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  try {
    const line = Deno.readTextFileSync(path).split("\n").find((line) => line.startsWith(`${text}:`));
    const number = line?.split(":")[2];
    return number === undefined || !/^\d+$/.test(number) ? undefined : Number(number);
  } catch {
    return undefined;
  }
}
