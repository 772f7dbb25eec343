/**
 * Assigns each channel one of its name's addresses, all distinct: two channels at one address would share a path (paper,
 * section III-A).
 *
 * @param candidates Addresses of each channel, best first.
 * @param before Previous assignment, kept where still possible: name servers shuffle their answers.
 * @returns null if there is no such assignment.
 */
export function assignAddresses(
  candidates: readonly (readonly string[])[],
  before: readonly string[] = [],
): string[] | null {
  const owners = new Map<string, number>();
  const preferences = candidates.map((hosts, channel) => {
    const kept = before[channel];
    return kept !== undefined && hosts.includes(kept) ? [kept, ...hosts] : hosts;
  });

  /** Assigns a channel an address, reassigning other channels where necessary (an augmenting path). */
  const place = (channel: number, tried: Set<string>): boolean =>
    preferences[channel]!.some((host) => {
      if (tried.has(host)) return false;
      tried.add(host);
      const owner = owners.get(host);
      if (owner !== undefined && !place(owner, tried)) return false;
      owners.set(host, channel);
      return true;
    });

  if (!candidates.every((_, channel) => place(channel, new Set()))) return null;
  const chosen = new Map([...owners].map(([host, channel]) => [channel, host]));
  return candidates.map((_, channel) => chosen.get(channel)!);
}
