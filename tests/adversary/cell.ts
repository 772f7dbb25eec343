/** One cell of the matrix: real handlers over an in-memory network, with an adversary on some of their channels. */
import { setImmediate } from "node:timers";
import { parseConfig } from "../../src/config/load.ts";
import { ClientHandler } from "../../src/client/handler.ts";
import { clientSpec } from "../../src/config/client.ts";
import { serverSpec } from "../../src/config/server.ts";
import type { ClientConfig, ServerConfig } from "../../src/config/types.ts";
import type { Connection } from "../../src/net/connection.ts";
import { createLog } from "../../src/log/log.ts";
import { ServerHandler } from "../../src/server/handler.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import type { Line } from "../support/handlers/handlers_in_memory.ts";
import { MemoryNetwork } from "../support/network/memory_network.ts";
import { applicationPair, channelAddresses } from "../support/handlers/pair.ts";
import { Random } from "../support/random/random.ts";
import { Adversary } from "./adversary.ts";
import type { Attack } from "./attack.ts";
import { Bystander } from "./bystander.ts";
import { Companion } from "./companion.ts";
import type { Evidence } from "./evidence.ts";
import { startTargets, Talker, TARGETS } from "./parties.ts";
import { clientPaths, serverPaths } from "./paths.ts";
import { SAID, type Said, SAID_SHORT } from "./steps.ts";
import { Witness } from "./witness.ts";

/** Parameters of a cell. */
export interface Cell {
  readonly attack: Attack;
  readonly channels: number;
  /** Index of the channel that the adversary does not own; null if it owns all. */
  readonly honest: number | null;
  /** True to attack all its channels, false for as few as the attack needs. */
  readonly balancer: "few" | "all";
  readonly seed: number;
}

/**
 * Short timeouts, since there are many cells, in milliseconds. Broken channels are not joined again: then a change to any
 * byte shows in how sessions end, and the plan of steps.ts has no ACKs.
 */
const TIMEOUTS = { handshake: 1000, connect: 1000, idle: 1500, ping: 1000, silence: 2500, drain: 1000, rejoin: 0 };

/** Exceeds all timeouts: a handshake, a silent channel, the last frame, an idle association at the server. */
const ALL_OVER = TIMEOUTS.handshake + TIMEOUTS.silence + 1000 + 1000 + 2 * TIMEOUTS.idle;

/** The interval over which the log counts strangers. */
const LOG_INTERVAL = 10_000;

/** Tasks within which all has settled: a frame may wait for company, on the way there and on the way back. */
const TASKS = 4;

/** Settles everything in memory without waiting for time; a timer of 0 ms would take 300 times as long. */
async function settle(): Promise<void> {
  for (let task = 0; task < TASKS; task++) await new Promise<void>((resolve) => void setImmediate(resolve));
}

/** Time in milliseconds in which a channel must be joined again where that is attacked. */
const REJOIN = 3000;

const common = (rejoin: number): string => `
timeouts: {${
  Object.entries({ ...TIMEOUTS, rejoin }).map(([name, ms]) => `${name}: ${ms === 0 ? ms : `${ms}ms`}`).join()
}}
log: {level: debug}
`;

/** Two clients that may be attacked, and one that is not. */
const CLIENTS = ["alice", "bob", "carol"] as const;

const configs = new Map<string, ServerConfig | ClientConfig>();

/** Runs one cell. @returns Its evidence. */
export async function runCell(cell: Cell): Promise<Evidence> {
  const world = new World(cell);
  await world.run();
  return await world.end();
}

class World {
  readonly #cell: Cell;
  readonly #clock = new FakeClock(settle);
  readonly #network = new MemoryNetwork();
  /** Connects clients with the adversary, and applications with clients. */
  readonly #near = new MemoryNetwork();
  readonly #outside = new MemoryNetwork();
  readonly #witness = new Witness();
  readonly #random: Random;
  readonly #adversary: Adversary;
  readonly #server: ServerHandler;
  readonly #serverLines: Line[] = [];
  readonly #clientLines: Line[] = [];
  readonly #parties: Talker[] = [];
  readonly #companions: Companion[] = [];
  readonly #clients: readonly ClientHandler[];
  readonly #bystander: Bystander;
  readonly #stopTargets: () => void;

  constructor(cell: Cell) {
    this.#cell = cell;
    const { channels, honest, attack, balancer } = cell;
    const rejoin = attack.again === undefined ? 0 : REJOIN;
    const [clock, network, random, short] = [
      this.#clock,
      this.#network,
      this.#random = new Random(cell.seed),
      attack.short ?? false,
    ];
    const addresses = channelAddresses(channels);
    const owned = addresses.map((_, index) => index).filter((index) => index !== honest);
    this.#adversary = new Adversary({
      addresses,
      owned,
      used: balancer === "all" ? owned : owned.slice(0, attack.least ?? 1),
      network,
      pair: (channel) => pairAt(this.#near, channel),
      clock,
      random,
      short,
    });
    this.#server = new ServerHandler({
      config: serverConfig(channels, rejoin),
      log: this.#log(this.#serverLines),
      system: { network: serverPaths(network, this.#witness), clock },
    });
    this.#clients = CLIENTS.map((name, index) => {
      const adversary = name === "carol" ? undefined : this.#adversary;
      const paths = clientPaths(name, network, this.#outside, this.#witness, adversary);
      return new ClientHandler(clientConfig({ channels, client: index, shared: this.#shares, rejoin, short }), {
        log: this.#log(adversary ? this.#clientLines : []),
        system: { network: paths, clock, originalDestination: () => undefined, makeTransparent: () => {} },
      });
    });
    this.#bystander = new Bystander(() => this.#connect(2, 7), random, settle);
    this.#stopTargets = startTargets(network, random, settle, this.#parties, this.#said);
  }

  async run(): Promise<void> {
    const { attack } = this.#cell;
    await this.#bystander.talk("before the attack");
    if (attack.rehearsed) {
      const companion = await this.#accompany(0);
      await this.#session([0], 80);
      await companion.talk();
      await settle();
      await this.#session([0], 443);
      await companion.hangUp();
      await settle();
      companion.close();
      // Outlast the association, so that the next session needs a new one.
      await this.#clock.advance(TIMEOUTS.idle + 100);
    }
    this.#adversary.begin(attack);
    const clients = attack.second === undefined ? [0] : attack.second === "same client" ? [0, 0] : [0, 1];
    if (this.#shares) { for (const client of clients) this.#companions.push(await this.#accompany(client)); }
    await this.#session(clients, 80);
    await this.#adversary.idle();
    await settle();
    await this.#bystander.talk("after the first session");
    for (const companion of this.#companions) await companion.talk();
    await settle();
    await this.#session(clients, 443);
    // Some attacks wait.
    for (let i = 0; i < 3; i++) await this.#clock.advance(100);
    await this.#bystander.talk("after the second session");
    await this.#bystander.end();
    // Silence, until both sides have sent PING.
    await this.#clock.advance(2 * TIMEOUTS.ping);
    for (const companion of this.#companions) await companion.hangUp();
    await this.#clock.advance(ALL_OVER + (this.#cell.attack.again === undefined ? 0 : 2 * REJOIN));
  }

  /** Closes everything. @returns The evidence. */
  async end(): Promise<Evidence> {
    const connections = this.#witness.seen.filter(({ ended }) => !ended).length;
    await this.#adversary.end();
    for (const client of this.#clients) await client.close();
    for (const party of [...this.#parties, ...this.#companions]) party.close();
    this.#stopTargets();
    await this.#server.close();
    await this.#clock.advance(LOG_INTERVAL);
    const openEnds = [this.#network, this.#near, this.#outside].reduce((sum, one) => sum + one.openEnds, 0);
    return {
      channels: this.#cell.channels,
      honest: this.#cell.honest,
      short: this.#cell.attack.short ?? false,
      said: this.#said,
      adversary: this.#adversary,
      seen: this.#witness.seen,
      parties: [...this.#parties, ...this.#companions],
      serverLines: this.#serverLines,
      clientLines: this.#clientLines,
      disturbed: this.#bystander.disturbed,
      stranger: this.#cell.attack.stranger ?? false,
      left: { connections, openEnds, timers: this.#clock.pending },
    };
  }

  get #said(): Said {
    return this.#cell.attack.short ? SAID_SHORT : SAID;
  }

  /** True if the sessions of a client share associations. */
  get #shares(): boolean {
    return this.#cell.attack.second !== "same client";
  }

  /** Opens a client's companion session. */
  async #accompany(client: number): Promise<Companion> {
    const companion = new Companion(await this.#connect(client, 7), this.#random);
    await companion.talk();
    for (let i = 0; i < 2; i++) await settle();
    return companion;
  }

  /** Runs one session of each of some clients, all at once. */
  async #session(clients: readonly number[], port: 80 | 443): Promise<void> {
    const applications: Talker[] = [];
    for (const client of clients) {
      const application = new Talker("application", port, await this.#connect(client, port), this.#random, this.#said);
      applications.push(application);
      this.#parties.push(application);
    }
    for (let piece = 0; piece < 2; piece++) {
      for (const application of applications) application.speak();
      await settle();
    }
    // The target sends two pieces.
    for (let i = 0; i < 3; i++) await settle();
  }

  /** Connects an application to a client handler. */
  #connect(client: number, port: number): Promise<Connection> {
    return this.#outside.connect({ host: clientHost(client), port });
  }

  #log(lines: Line[]) {
    return createLog({ format: "json", level: "debug", write: (line) => lines.push(JSON.parse(line)) });
  }
}

/** Both ends of a connection that appears to lead to a channel's address: first the end at that address. */
async function pairAt(network: MemoryNetwork, channel: number): ReturnType<typeof applicationPair> {
  const listener = network.listen({ host: `192.0.2.${channel + 1}`, port: 0 });
  const [outside, inside] = await Promise.all([network.connect(listener.address), listener.accept()]);
  listener.close();
  return [inside!, outside];
}

function serverConfig(channels: number, rejoin: number): ServerConfig {
  const targets = Object.entries(TARGETS).map(([port, at]) => `${port}: "127.0.0.2:${at}"`);
  return once(`server ${channels} ${rejoin}`, () =>
    parseConfig("", serverSpec, ["--config", "s"], () => `
channels: [${channelAddresses(channels).map(({ host }) => host).join()}]
targets: {${targets.join()}}
${common(rejoin)}`));
}

interface ClientSettings {
  readonly channels: number;
  readonly client: number;
  /** True if its sessions share associations. */
  readonly shared: boolean;
  readonly rejoin: number;
  /** True for short shares. */
  readonly short: boolean;
}

function clientConfig({ channels, client, shared, rejoin, short }: ClientSettings): ClientConfig {
  const forward = Object.keys(TARGETS).map((port) => `"${clientHost(client)}:${port}=web:${port}"`);
  return once(
    `client ${channels} ${client} ${shared} ${rejoin} ${short}`,
    () =>
      parseConfig("", clientSpec, ["--config", "c"], () => `
servers: {web: {channels: [${channelAddresses(channels).map(({ host }) => host).join()}]}}
forward: [${forward.join()}]
warm: 0
shares: ${short ? "short" : "full"}
associations: ${!shared ? "per-session" : rejoin > 0 ? 2 : 1}
${common(rejoin)}`),
  );
}

/** The client handler's address for applications. */
function clientHost(client: number): string {
  return `127.0.0.${client + 1}`;
}

/** Parses each configuration once, for all cells. */
function once<C extends ServerConfig | ClientConfig>(name: string, parse: () => C): C {
  const config = (configs.get(name) ?? parse()) as C;
  configs.set(name, config);
  return config;
}
