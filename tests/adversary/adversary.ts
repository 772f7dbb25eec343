/** The adversary of the paper's section III-A: owns some channels, and connects to the server at will. */
import type { Address } from "../../src/net/address.ts";
import type { Clock } from "../../src/time/clock.ts";
import type { Connection, Network } from "../../src/net/connection.ts";
import type { Random } from "../support/random/random.ts";
import { type AgainPart, cut, relayAgain } from "./again.ts";
import type { Attack } from "./attack.ts";
import { type Act, type Lane, type Moment, Wire } from "./lane.ts";
import { type Plan, type Step, units } from "./steps.ts";

/** An adversary's resources. */
export interface Means {
  /** The server's addresses, one per channel. */
  readonly addresses: readonly Address[];
  /** Indexes of the channels that it owns. */
  readonly owned: readonly number[];
  /** Those that it attacks; on the others it only listens. */
  readonly used: readonly number[];
  /** The network that leads to the server. */
  readonly network: Network;
  /** Makes a connection that appears to lead to a channel's address. Resolves to both ends. */
  readonly pair: (channel: number) => Promise<[Connection, Connection]>;
  readonly clock: Clock;
  readonly random: Random;
  /** True if shares are short. */
  readonly short: boolean;
}

/** Delay of a client's bytes on a slow honest channel, in milliseconds. */
const HONEST_DELAY = 20;

/** A lane that came to a meeting, with its channel's connections at that moment. */
export interface Met extends Moment {
  readonly up: Connection;
  readonly down: Connection;
}

/** Runs an attack on its channels. */
export class Adversary {
  readonly means: Means;
  /** All channels that it has interposed on. */
  readonly wires: Wire[] = [];
  /** Number of actions so far. */
  acted = 0;
  /** Resolves at the end of the cell. */
  readonly over: Promise<void>;
  readonly #end: () => void;
  readonly #own: Connection[] = [];
  readonly #running: Promise<void>[] = [];
  readonly #meetings = new Map<string, { met: Met[]; all: PromiseWithResolvers<Met[]> }>();
  #attack: Attack | null = null;
  /** Uses of each channel by each client since the attack began. */
  readonly #used = new Map<string, number>();
  readonly #ranks = new Map<string, number>();
  /** Connections that joined each channel again. */
  readonly #rounds = new Map<string, number>();

  constructor(means: Means) {
    this.means = means;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.over = promise;
    this.#end = resolve;
  }

  /** Begins the attack: associations count from rank 0. */
  begin(attack: Attack): void {
    this.#attack = attack;
  }

  /** Properties of the scenario that determine its units. */
  get plan(): Plan {
    const { addresses, short } = this.means;
    return { channels: addresses.length, shared: this.#attack?.second !== "same client", short };
  }

  /** Delays the honest channel, if the attack relies on that. */
  async honestPace(): Promise<void> {
    if (this.#attack?.slow) await this.later(HONEST_DELAY);
  }

  /**
   * Handles a client's attempt to connect on one of its channels.
   *
   * @param near Makes the connection. @returns Its end towards the client.
   * @throws The error of the client's attempt.
   */
  async takes(client: string, channel: number, near: () => Promise<Connection>): Promise<void> {
    const rank = this.#rank(client, channel);
    const attack = this.#attack !== null && rank < (this.#attack.second === undefined ? 1 : 2) ? this.#attack : null;
    const used = attack !== null && this.means.used.includes(channel) ? attack : null;
    if (used?.reached !== undefined) {
      this.acted++;
      await Promise.race([used.reached(this), this.never()]);
    }
    this.#running.push(this.#stand(client, rank, channel, await near(), used).catch(() => {}));
  }

  async #stand(
    client: string,
    rank: number,
    channel: number,
    toClient: Connection,
    attack: Attack | null,
  ): Promise<void> {
    this.#own.push(toClient);
    const { addresses } = this.means;
    const to = attack?.connect?.(channel, this) ?? addresses[channel]!;
    const wire = new Wire(this, client, rank, channel, toClient, await this.dial(to));
    if (this.#attack?.again !== undefined) return await this.#standAgain(wire, this.#attack.again);
    this.wires.push(wire);
    try {
      if (attack?.steps.length === 0) this.acted++;
      await attack?.connected?.(wire);
      const act: Act = (moment) => {
        if (!attack?.steps.includes(moment.step)) return [moment.bytes];
        this.acted++;
        return attack.act(moment);
      };
      const both = [wire.up, wire.down].map((lane) => lane.run(units(lane.direction, this.plan), act));
      await Promise.all(both);
    } finally {
      wire.close();
    }
  }

  /** Relays a connection where channels are joined again; only a channel's first one is listed. */
  async #standAgain(wire: Wire, again: AgainPart): Promise<void> {
    const { client, channel } = wire, name = `${client}.${channel}`;
    const first = this.wires.find((one) => one.client === client && one.channel === channel) ?? null;
    if (first === null) this.wires.push(wire);
    const part = this.means.used.includes(channel) ? again : null;
    const round = () => {
      const before = this.#rounds.get(name) ?? 0;
      if (first !== null) this.#rounds.set(name, before + 1);
      return before;
    };
    try {
      await relayAgain(wire, { first, part, round });
    } finally {
      wire.close();
    }
  }

  /** The rank of a client's association, counted since the attack began. */
  #rank(client: string, channel: number): number {
    if (this.#attack === null) return -1;
    const use = `${client}.${channel}`, times = this.#used.get(use) ?? 0;
    this.#used.set(use, times + 1);
    const association = `${client}.${times}`;
    if (!this.#ranks.has(association)) this.#ranks.set(association, this.#ranks.size);
    return this.#ranks.get(association)!;
  }

  /** Performs the step "idle". */
  async idle(): Promise<void> {
    const attack = this.#attack!;
    if (attack.again?.cut.direction === null) {
      for (const wire of this.wires.filter(({ channel }) => this.means.used.includes(channel))) {
        cut(wire, attack.again.cut.how).catch(() => {});
      }
    }
    if (!attack.steps.includes("idle")) return;
    for (const wire of this.wires) {
      if (wire.rank !== 0 || !this.means.used.includes(wire.channel)) continue;
      for (const lane of [wire.up, wire.down]) {
        const moment = { step: "idle" as const, bytes: new Uint8Array(0), lane, adversary: this };
        try {
          this.acted++;
          await lane.give(await attack.act(moment));
        } catch {
          // The channel has closed.
        }
      }
    }
  }

  /** Opens its own connection to a channel's address. */
  async dial(to: Address): Promise<Connection> {
    const connection = await this.means.network.connect(to);
    this.#own.push(connection);
    return connection;
  }

  /** Waits until `count` lanes have come to a meeting. @returns Them, ordered by channel. */
  meet(name: string, count: number, moment: Moment): Promise<Met[]> {
    const meeting = this.#meetings.get(name) ?? { met: [], all: Promise.withResolvers<Met[]>() };
    this.#meetings.set(name, meeting);
    const { wire } = moment.lane;
    meeting.met.push({ ...moment, up: wire.up.to, down: wire.down.to });
    if (meeting.met.length === count) {
      const order = ({ lane: { wire } }: Met) => wire.rank * 100 + wire.channel;
      meeting.all.resolve(meeting.met.toSorted((a, b) => order(a) - order(b)));
    }
    return Promise.race([meeting.all.promise, this.never()]);
  }

  /** Waits for the end of the cell. */
  async never(): Promise<never> {
    await this.over;
    throw new Error("over");
  }

  /** Lets time pass. */
  later(ms: number): Promise<void> {
    return new Promise((resolve) => this.means.clock.after(ms, resolve));
  }

  /** The unit at a step on this lane's channel in an association before the attack. */
  old({ wire, direction }: Lane, step: Step): Uint8Array {
    const old = this.wires.find((one) => one.rank < 0 && one.channel === wire.channel && one.client === wire.client)!;
    return old[direction].came.get(step)!;
  }

  /** Closes its connections and waits for them. */
  async end(): Promise<void> {
    this.#end();
    for (const wire of this.wires) wire.close();
    for (const connection of this.#own) connection.close();
    await Promise.all(this.#running);
  }
}
