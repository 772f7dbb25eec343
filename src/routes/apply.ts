import { systemFamilies } from "../rules/families.ts";
import { FAMILIES, type Family, type Side } from "../rules/ruleset.ts";
import { changesTo } from "./changes.ts";
import type { RoutedChannel } from "./channels.ts";
import { RoutesError } from "./error.ts";
import { type Ip, readNetwork, runCommands } from "./ip.ts";
import { planRoutes, type RoutesPlan, type Way } from "./plan.ts";

/** Result of {@linkcode putRoutes}. */
export interface PutRoutes {
  /** The ways of the channels. */
  readonly ways: readonly Way[];
  /** Number of commands that were needed. */
  readonly changes: number;
}

/** The plan of one version of IP. */
export interface FamilyPlan {
  /** Version of IP. */
  readonly family: Family;
  /** Its rules and routes. */
  readonly plan: RoutesPlan;
  /** Commands that put them in place. */
  readonly commands: readonly string[];
}

/** Options of {@linkcode putRoutes}, {@linkcode planAll} and {@linkcode removeRoutes}. */
export interface RoutesOptions {
  /** Reads and changes routes. */
  readonly ip: Ip;
  /** The handler's side. */
  readonly side: Side;
  /** The versions of IP that this machine has. Default: those that the kernel has. */
  readonly families?: readonly Family[];
}

/**
 * Puts in place the rules and routes of channels, and removes those of earlier ones.
 *
 * @throws {RoutesError} If that fails.
 */
export async function putRoutes(channels: readonly RoutedChannel[], options: RoutesOptions): Promise<PutRoutes> {
  try {
    return await put(channels, options);
  } catch (error) {
    if (!(error instanceof RoutesError)) throw error;
    // The network may have changed between reading and writing.
    return await put(channels, options);
  }
}

/** Plans the rules and routes of channels for the present network. @throws {RoutesError} If it can't be read. */
export async function planAll(
  channels: readonly RoutedChannel[],
  { ip, side, families = systemFamilies() }: RoutesOptions,
): Promise<FamilyPlan[]> {
  const needed = FAMILIES.filter((one) => families.includes(one) || channels.some(({ family }) => family === one));
  return await Promise.all(needed.map(async (family) => {
    const network = await readNetwork(ip, family, side);
    const plan = planRoutes(side, channels, network);
    return { family, plan, commands: changesTo(plan, network) };
  }));
}

/**
 * Removes all rules and routes of a side.
 *
 * @returns The number of commands that were needed.
 * @throws {RoutesError} If that fails.
 */
export async function removeRoutes(options: RoutesOptions): Promise<number> {
  return (await putRoutes([], options)).changes;
}

async function put(channels: readonly RoutedChannel[], options: RoutesOptions): Promise<PutRoutes> {
  const plans = await planAll(channels, options);
  for (const { family, commands } of plans) await runCommands(options.ip, family, commands);
  const ways = plans.flatMap(({ plan }) => plan.ways);
  return {
    ways: channels.flatMap((channel) => ways.find((way) => way.channel === channel) ?? []),
    changes: plans.reduce((sum, { commands }) => sum + commands.length, 0),
  };
}
