import { freePort, has } from "../tests/support/programs/programs.ts";
import { micssOf, type PairOptions, startPair } from "./pair.ts";
import { type Load, loopback } from "./testbed.ts";
import { startTunnel, type Tunnel, TUNNELS } from "./tunnels.ts";

const HOST = "127.0.0.1";

/** V8's flags of docs/BENCHMARKS.md, 'A small heap'. */
const SMALL_HEAP = "--max-semi-space-size=4";

/** A path between ports of loopback through two processes, or through none. */
export interface System {
  /** Its name on the command line. */
  readonly key: string;
  /** Its name in tables: "MICSS, 3 channels". */
  readonly name: string;
  /** The figures that it is for. Default: all. */
  readonly figures?: readonly string[];
  /**
   * Starts paths to `targets` and waits until they carry connections.
   *
   * @param sessions Sessions to allow at once. Default: the system's own limits.
   * @returns The ports of their entries.
   */
  start(
    targets: readonly number[],
    load: Load,
    parts: AsyncDisposableStack,
    sessions?: number,
  ): Promise<readonly number[]>;
}

/** The names of MICSS's rows that goals refer to. */
export const OURS = {
  shared: "MICSS, 3 channels",
  short: "MICSS, 3 channels, short shares",
  one: "MICSS, 3 channels, one association",
  small: "MICSS, 3 channels, small heap",
} as const;

/**
 * Everything that can be measured here: no tunnel, other tunnels whose programs are installed, MICSS in its shapes, and
 * the micss of other worktrees.
 *
 * @param worktrees Their directories, by a name for each.
 */
export async function systems(worktrees: ReadonlyMap<string, string> = new Map()): Promise<System[]> {
  const direct = { key: "direct", name: "direct", start: (targets: readonly number[]) => Promise.resolve(targets) };
  const tunnels = TUNNELS.filter(({ needs }) => needs.every((need) => has(need)));
  return [
    { ...direct, figures: ["throughput", "roundtrip", "connections", "requests", "burst", "alongside"] },
    ...tunnels.map(ofTunnel),
    pair("micss2", "MICSS, 2 channels", {
      channels: 2,
      figures: ["throughput", "roundtrip", "connections", "requests"],
    }),
    pair("micss", OURS.shared),
    pair("micss-short", OURS.short, { shares: "short" }),
    pair("micss-one", OURS.one, { associations: 1, figures: ["alongside"] }),
    pair("micss-small", OURS.small, { v8Flags: SMALL_HEAP, figures: ["memory"] }),
    pair("per-session", "MICSS, 3 channels, per session", { associations: "per-session" }),
    ...(await Promise.all([...worktrees].map(([name, directory]) => ofWorktree(name, directory)))).flat(),
  ];
}

/** The name in tables of a worktree's micss. */
export function worktreeName(name: string): string {
  return `MICSS ${name}, 3 channels`;
}

async function ofWorktree(name: string, directory: string): Promise<System[]> {
  const micss = await micssOf(directory);
  const small = { micss, v8Flags: SMALL_HEAP, figures: ["memory"] };
  return [pair(name, worktreeName(name), { micss }), pair(`${name}-small`, `${worktreeName(name)}, small heap`, small)];
}

function ofTunnel(tunnel: Tunnel): System {
  const { key, name } = tunnel;
  return { key, name, start: (targets, load, parts) => all(targets, (one) => startTunnel(tunnel, one, load, parts)) };
}

function pair(
  key: string,
  name: string,
  options: Omit<PairOptions, "routes"> & { readonly channels?: number; readonly figures?: readonly string[] } = {},
): System {
  const { channels = 3, figures, ...rest } = options;
  return {
    ...{ key, name },
    ...figures && { figures },
    async start(targets, load, parts, sessions) {
      const testbed = loopback(channels);
      const routes = targets.map((target) => ({ entry: freePort(HOST), target }));
      const channelPort = freePort(...testbed.hosts);
      parts.use(await startPair(testbed, load, { ...rest, routes, channelPort, sessions }));
      return routes.map(({ entry }) => entry);
    },
  };
}

/** Maps in sequence, so that one start doesn't take another's port. */
async function all<T, U>(items: readonly T[], map: (item: T) => Promise<U>): Promise<U[]> {
  const mapped: U[] = [];
  for (const item of items) mapped.push(await map(item));
  return mapped;
}
