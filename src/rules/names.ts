import { canonicalHost, isIp, withoutZone } from "../net/ip.ts";
import { localMachine } from "../net/names/local_machine.ts";

/** Resolves names to numbers and addresses, since rules have no names. */
export interface ResolvedNames {
  /** The id of a user, given by name or number; undefined if unknown. */
  user(text: string): number | undefined;
  /** The id of a group, given by name or number; undefined if unknown. */
  group(text: string): number | undefined;
  /** The IP addresses of a host, in canonical form; empty if unknown. */
  addresses(host: string): readonly string[];
}

/**
 * Looks up the machine's users and groups, and the addresses of `hosts`.
 *
 * @param hosts Names or addresses.
 */
export async function systemNames(hosts: readonly string[]): Promise<ResolvedNames> {
  const found = new Map(await Promise.all(hosts.map(async (host) => [host, await addressesOf(host)] as const)));
  return {
    user: (text) => numberOf("/etc/passwd", text),
    group: (text) => numberOf("/etc/group", text),
    addresses: (host) => found.get(host) ?? [],
  };
}

/** Without zones: rules match addresses on every link. */
async function addressesOf(host: string): Promise<string[]> {
  if (isIp(host)) return [withoutZone(canonicalHost(host))];
  const found = await localMachine.resolve(host).catch(() => []);
  return [...new Set(found.map(withoutZone))].sort();
}

/** The third field of the name's line, as in both files (passwd(5), group(5)). */
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
