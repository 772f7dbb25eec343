/**
 * Chooses an address for each channel of the addresses that its name has, none twice: two channels at one address would be
 * one path (paper, section III-A).
 *
 * @param candidates What each channel can be, best first.
 * @param before What was chosen before, to be kept where it still can be: name servers like to shuffle.
 * @returns null when there is no such choice.
 */
export function assignAddresses(
  candidates: readonly (readonly string[])[],
  before: readonly string[] = [],
): string[] | null {
  const owners = new Map<string, number>();
  const wishes = candidates.map((hosts, channel) => {
    const kept = before[channel];
    return kept !== undefined && hosts.includes(kept) ? [kept, ...hosts] : hosts;
  });

  /** Gives a channel an address, moving others to another of theirs where need be (an augmenting path). */
  const place = (channel: number, tried: Set<string>): boolean =>
    wishes[channel]!.some((host) => {
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
