import type { Activity } from "./activity.ts";

/** A client that has proved its identity to a server. */
export interface ClientStatus {
  /** Its name. */
  readonly name: string;
  /** Number of its open associations. */
  readonly associations: number;
  /** Number of its open sessions. */
  readonly sessions: number;
  /** Seconds since it last proved its identity. */
  readonly seen: number;
}

/** Returns the clients that have proved their identity since the start, those with the most sessions first. */
export function clientsOf({ associations, authenticated, clock }: Activity): ClientStatus[] {
  const now = clock.now();
  const open = Map.groupBy(associations.values(), ({ client }) => client);
  return sorted([...authenticated].map(([name, seen]) => {
    const own = open.get(name) ?? [];
    const sessions = own.reduce((total, { sessions }) => total + sessions, 0);
    return { name, associations: own.length, sessions, seen: Math.round(now - seen) / 1000 };
  }));
}

/** Merges the clients of several workers. */
export function sumClients(all: readonly (readonly ClientStatus[])[]): ClientStatus[] {
  return sorted([...Map.groupBy(all.flat(), ({ name }) => name)].map(([name, same]) => ({
    name,
    associations: same.reduce((total, { associations }) => total + associations, 0),
    sessions: same.reduce((total, { sessions }) => total + sessions, 0),
    seen: Math.min(...same.map(({ seen }) => seen)),
  })));
}

function sorted(clients: readonly ClientStatus[]): ClientStatus[] {
  return clients.toSorted((one, other) => other.sessions - one.sessions || one.seen - other.seen);
}
