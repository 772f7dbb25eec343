import type { Shares } from "../association/association_options.ts";
import { MicssError } from "../errors/errors.ts";
import { ConfiguredServer, namesOf } from "../client/servers/configured_server.ts";
import { ClientHandler } from "../client/mod.ts";
import { clientSpec, serverSyntax } from "../config/client.ts";
import { flagNode } from "../config/node.ts";
import { readConfig } from "../config/read.ts";
import type { ClientConfig, Server } from "../config/types.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import { deadline } from "../time/deadline.ts";
import { type Network, readFull, writeAll } from "../net/connection.ts";
import { Lookups } from "../net/names/lookups.ts";
import type { Resolve } from "../net/names/resolve.ts";
import { NameCache } from "../net/names/name_cache.ts";
import { createLog } from "../log/log.ts";
import { decodeFrom } from "../wire/decoder.ts";
import { decodeGreeting } from "../wire/greeting.ts";
import { encodeProbe } from "../wire/identify.ts";
import { Lag } from "./lag.ts";
import { AnswerError, type Measuring, roundTrips, throughput } from "./measure.ts";
import { median, summarize, type Summary } from "./statistics.ts";

/** Number of connections to each channel. */
const GREETINGS = 9;

/** Time limit for any answer, in milliseconds. */
export const PATIENCE = 5_000;

/** A value per direction. */
export interface BothWays {
  /** To the server. */
  readonly up: number;
  /** From the server. */
  readonly down: number;
}

/** Measures of one path. */
export interface Measures {
  /** In bits per second. */
  readonly throughput: BothWays;
  /** Round trip of one byte, in microseconds. */
  readonly roundTrip: Summary;
}

/** Measures of one channel. */
export interface ChannelMeasures {
  /** Its address. */
  readonly address: Address;
  /** Median time from the first packet to the greeting, in microseconds: about two round trips. */
  readonly greeting: number;
  /** Plain TCP over it; null if nothing answers there. */
  readonly alone: Measures | null;
  /** The reason, if `alone` is null. */
  readonly fault?: string;
  /** Fraction of time in which MICSS waited for this channel alone, 0 to 1. */
  readonly waitedFor: BothWays;
}

/** Result of measuring a server. */
export interface BenchResult {
  /** Its name. */
  readonly server: string;
  /** Duration of each measurement, in milliseconds. */
  readonly window: number;
  /** Length of MICSS's shares. */
  readonly shares: Shares;
  /** In the configuration's order. */
  readonly channels: readonly ChannelMeasures[];
  /** MICSS over all of them. */
  readonly micss: Measures;
}

/** Options of {@linkcode benchServer}. */
export interface BenchOptions {
  /** Makes all connections. */
  readonly network: Network;
  /** Measures time. */
  readonly clock: Clock;
  /** Finds the addresses of host names. Default: the system's resolver. */
  readonly resolve?: Resolve;
  /** Port of `micss bench --answer`, which sessions request. */
  readonly port: number;
  /** Duration of each measurement, in milliseconds. */
  readonly window: number;
  /** Called with the name of the next measurement. */
  progress(text: string): void;
}

/** The server can't be measured. The message explains why in one line. */
export class BenchError extends MicssError {}

/**
 * Measures a server: each channel, and MICSS over all of them, through a client handler as users run it.
 *
 * @throws {BenchError} If a channel can't be reached, or no session can be opened.
 */
export async function benchServer(server: Server, options: BenchOptions): Promise<BenchResult> {
  const { port, window, progress } = options, { shares = "full" } = server;
  const measuring = { ...options, patience: PATIENCE };
  const channels = [];
  const resolved = await resolveServer(server, options);
  for (const [at, address] of resolved.channels.entries()) {
    progress(`channel ${at + 1}, ${formatAddress(address)}`);
    const greeting = median(await greetings(address, measuring));
    channels.push({ address, greeting, ...await alone({ ...address, port }, measuring) });
  }
  progress(`MICSS over all ${channels.length}`);
  const { measures, waitedFor } = await together(server, measuring, port);
  return {
    server: server.name,
    window,
    shares,
    channels: channels.map((channel, at) => ({
      ...channel,
      waitedFor: { up: waitedFor.up[at]!, down: waitedFor.down[at]! },
    })),
    micss: measures,
  };
}

/** The server with an address for each channel, chosen as the client handler does. @throws {BenchError} If it fails. */
export async function resolveServer(
  server: Server,
  options: Pick<BenchOptions, "network" | "clock" | "resolve">,
): Promise<Server> {
  const log = createLog({ level: "error", format: "json", write: () => {} });
  const names = new NameCache(namesOf(server), { ...options, lookups: new Lookups(options), timeout: PATIENCE, log });
  try {
    return await new ConfiguredServer(server, names).get();
  } catch (error) {
    throw new BenchError(messageOf(error), { cause: error });
  } finally {
    names.close();
  }
}

/** Connects repeatedly, each time until the greeting. @returns Time of each connection, in microseconds. */
async function greetings(address: Address, { network, clock }: Measuring): Promise<number[]> {
  const samples: number[] = [];
  try {
    while (samples.length < GREETINGS) samples.push(await greetingTime(address, network, clock));
  } catch (error) {
    throw new BenchError(`${formatAddress(address)}: ${messageOf(error)}`, { cause: error });
  }
  return samples;
}

async function greetingTime(address: Address, network: Network, clock: Clock): Promise<number> {
  const reason = () => new AnswerError(`no answer within ${PATIENCE / 1000} s`);
  using limit = deadline(clock, PATIENCE, { reason });
  const began = clock.now();
  const connection = await network.connect(address, limit.signal);
  try {
    await limit.race(decodeFrom(decodeGreeting(), (into) => readFull(connection, into)));
    const microseconds = (clock.now() - began) * 1000;
    // Otherwise the server handler would report a client that leaves without a word.
    await limit.race(writeAll(connection, encodeProbe()));
    return microseconds;
  } finally {
    connection.close();
  }
}

/** Measures plain TCP to an address, if possible. */
async function alone(to: Address, measuring: Measuring): Promise<Pick<ChannelMeasures, "alone" | "fault">> {
  try {
    return { alone: await measureWay(to, measuring, (_, measure) => measure()) };
  } catch (error) {
    return { alone: null, fault: `${formatAddress(to)}: ${messageOf(error)}` };
  }
}

async function together(
  server: Server,
  measuring: Measuring,
  port: number,
): Promise<{ measures: Measures; waitedFor: { up: number[]; down: number[] } }> {
  const { network, clock } = measuring;
  const warnings: string[] = [];
  const log = createLog({ level: "warn", format: "json", write: (line) => warnings.push(JSON.parse(line).reason) });
  const system = { network, clock, originalDestination: notHere, makeTransparent: notHere };
  const handler = new ClientHandler(configOf(server, port), { log, system });
  const waitedFor: { up: number[]; down: number[] } = { up: [], down: [] };
  try {
    const measures = await measureWay(handler.forwards[0]!, measuring, async (mode, measure) => {
      const lag = new Lag(handler.activity, server.channels.length, clock);
      try {
        return await measure();
      } finally {
        waitedFor[mode] = lag.stop();
      }
    });
    return { measures, waitedFor };
  } catch (error) {
    const why = warnings.find((reason) => reason !== undefined) ?? messageOf(error);
    throw new BenchError(`no session for port ${port} that answers: ${why}`, { cause: error });
  } finally {
    await handler.close();
  }
}

async function measureWay(
  to: Address,
  measuring: Measuring,
  around: (mode: "up" | "down", measure: () => Promise<number>) => Promise<number>,
): Promise<Measures> {
  const roundTrip = summarize(await roundTrips(to, measuring));
  const up = await around("up", () => throughput(to, "up", measuring));
  const down = await around("down", () => throughput(to, "down", measuring));
  return { throughput: { up, down }, roundTrip };
}

/** A user's client configuration, with a forward of its own and without warm associations. */
function configOf(server: Server, port: number): ClientConfig {
  const { name, shares = "full" } = server;
  const flags = { server: [serverSyntax.format(server)], forward: [`127.0.0.1:0=${name}:${port}`], shares };
  const nodes = Object.entries(flags).map(([flag, texts]) =>
    [flag, flagNode(`micss bench: --${flag}`, texts)] as const
  );
  const config = readConfig(clientSpec, { subject: "micss bench", flags: new Map(nodes) });
  return { ...config, warm: 0, database: "/dev/null" };
}

/** One line that says why a measurement failed. */
export function messageOf(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "nothing listens there";
  return error instanceof Error ? error.message.split("\n", 1)[0]! : String(error);
}

/** Placeholder for system calls that only redirected connections need. */
function notHere(): never {
  throw new BenchError("a measurement redirects no connections");
}
