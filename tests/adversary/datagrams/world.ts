/** One cell of the matrix of datagrams: real handlers in memory, and an adversary on some channels of two of three clients. */
import { ClientHandler } from "../../../src/client/handler.ts";
import { clientSpec } from "../../../src/config/client.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { serverSpec } from "../../../src/config/server.ts";
import { createLog } from "../../../src/log/log.ts";
import { addressAt, sameEndpoint } from "../../../src/net/endpoint.ts";
import type { Network } from "../../../src/net/connection.ts";
import { ServerHandler } from "../../../src/server/handler.ts";
import { DatagramProgram, UDP_TARGET } from "../../flows/flow_pair.ts";
import { MemoryDatagrams, type Packet } from "../../support/network/memory_datagrams.ts";
import type { Line } from "../../support/handlers/handlers_in_memory.ts";
import { MemoryNetwork } from "../../support/network/memory_network.ts";
import { Random } from "../../support/random/random.ts";
import { FakeClock, settle } from "../../support/time/fake_clock.ts";
import { type DatagramAttack, isShare, type Seen, STRANGER, VICTIM } from "./attack.ts";
import "../../support/system/native.ts";

/** Parameters of a cell. */
export interface DatagramCell {
  readonly attack: DatagramAttack;
  readonly channels: number;
  readonly threshold: number;
  /** Channels of the adversary, fewer than the threshold. */
  readonly owned: readonly number[];
  readonly seed: number;
}

const CLIENTS = ["alice", "bob", "carol"] as const;

/** Rounds before the association of alice ends, and after that. */
const ROUNDS = 6;

/** Datagrams of each application in a round. */
const EACH = 2;

/** An application, and what it has sent. */
interface Application {
  readonly name: string;
  readonly program: DatagramProgram;
  readonly at: { readonly host: string; readonly port: number };
  readonly sent: string[];
}

/** Runs a cell. @returns What is wrong. */
export async function runDatagramCell(cell: DatagramCell): Promise<string[]> {
  const world = new World(cell);
  await world.run();
  return await world.judge();
}

class World {
  readonly #cell: DatagramCell;
  readonly #clock = new FakeClock();
  readonly #network = new MemoryNetwork();
  readonly #datagrams = new MemoryDatagrams();
  readonly #random: Random;
  readonly #server: ServerHandler;
  readonly #clients: readonly ClientHandler[];
  readonly #lines: Line[] = [];
  readonly #target: DatagramProgram;
  readonly #applications: Application[];
  readonly #history: Seen[] = [];
  readonly #rounds: (() => void)[] = [];
  /** Bytes from and to the victim, and to the stranger. */
  readonly #bytes = { fromVictim: 0, toVictim: 0, toStranger: 0 };
  #act: ((seen: Seen) => readonly Packet[]) | null = null;
  #acted = 0;
  /** Number of texts of each application that were sent when the attack was over. */
  #underAttack: number[] = [];

  constructor(cell: DatagramCell) {
    const { channels, threshold, seed } = this.#cell = cell;
    this.#random = new Random(seed);
    const [clock, datagrams] = [this.#clock, this.#datagrams];
    const hosts = Array.from({ length: channels }, (_, index) => `192.0.2.${index + 1}`);
    const both = `${threshold < channels ? `threshold: ${threshold}` : ""}\nlog: {level: debug}`;
    const log = createLog({ level: "debug", format: "json", write: (line) => this.#lines.push(JSON.parse(line)) });
    this.#server = new ServerHandler({
      config: parseConfig("", serverSpec, ["--config", "s"], () => `
channels: [${hosts}]
udp-targets: {53: "${UDP_TARGET.host}:${UDP_TARGET.port}"}
${both}`),
      log,
      system: { network: this.#network, clock },
      datagrams,
    });
    this.#clients = CLIENTS.map((_, index) => {
      const config = parseConfig("", clientSpec, ["--config", "c"], () => `
servers: {web: {channels: [${hosts}]}}
udp-forward: ["127.0.0.${index + 1}:5353=web:53"]
warm: 0
${both}`);
      const system = {
        ...{ network: this.#pathsOf(index), clock },
        originalDestination: () => undefined,
        makeTransparent: () => {},
      };
      return new ClientHandler(config, { log, system, datagrams });
    });
    this.#target = new DatagramProgram(this, UDP_TARGET, (text) => `re: ${text}`);
    this.#applications = [["alice 1", 1], ["alice 2", 1], ["bob", 2], ["carol", 3]].map(([name, client]) => ({
      name: name as string,
      program: new DatagramProgram(this, { host: `127.0.1.${client}`, port: 0 }),
      at: { host: `127.0.0.${client}`, port: 5353 },
      sent: [],
    }));
    datagrams.pass = (packet) => this.#pass(packet);
  }

  get datagrams(): MemoryDatagrams {
    return this.#datagrams;
  }

  async run(): Promise<void> {
    const { attack, owned } = this.#cell;
    await this.#round();
    this.#act = attack.begin({
      ...{ random: this.#random, owned, history: this.#history },
      inject: (packet) => this.#inject(packet),
      eachRound: (action) => this.#rounds.push(action),
    });
    for (let round = 0; round < ROUNDS; round++) await this.#round();
    // Long enough for its flows to be opened again at once.
    await this.#clock.advance(1500);
    for (const association of this.#clients[0]!.activity.associations.keys()) association.end();
    await this.#flow();
    for (let round = 0; round < ROUNDS; round++) await this.#round();
    this.#act = null;
    this.#rounds.length = 0;
    // Addresses moved elsewhere are given up by then, and flows that lost their association are opened again.
    await this.#clock.advance(4000);
    this.#underAttack = this.#applications.map(({ sent }) => sent.length);
    for (let round = 0; round < 2; round++) await this.#round();
  }

  /** Closes all. @returns What is wrong. */
  async judge(): Promise<string[]> {
    const { attack, channels, threshold, owned } = this.#cell;
    const wrong = [...this.#delivered(this.#target.got.map(({ text }) => text), "the target", (text) => text)];
    for (const { name, program, sent } of this.#applications) {
      const own = new Set(sent.map((text) => `re: ${text}`));
      wrong.push(...this.#delivered(program.texts, name, (text) => own.has(text) ? text.slice(4) : ""));
    }
    wrong.push(...this.#flowsApart());
    // With enough honest channels, or an attack that takes nothing away, nothing may be lost.
    const isWhole = attack.harmless === true || channels - owned.length >= threshold;
    this.#applications.forEach((application, index) => {
      const isAttacked = application.name !== "carol";
      const from = isAttacked && !isWhole ? this.#underAttack[index]! : 0;
      wrong.push(...this.#missing(application, application.sent.slice(from)));
    });
    const { fromVictim, toVictim, toStranger } = this.#bytes;
    if (toVictim > 3 * fromVictim) wrong.push(`the victim got ${toVictim} bytes for ${fromVictim}`);
    if (toStranger > 0) wrong.push(`a stranger got ${toStranger} bytes`);
    if (this.#acted === 0) wrong.push("nothing was done");
    if (this.#reads()) wrong.push("the adversary has read a datagram");
    wrong.push(...this.#counted(), ...this.#failures(), ...await this.#left());
    return wrong;
  }

  /** The client's connections, each from a host of its own. */
  #pathsOf(client: number): Network {
    const network = this.#network;
    return {
      connect: (to, signal) => {
        if (to.port === 6522) network.source = `198.51.${Number(to.host.split(".")[3]) - 1}.${client + 1}`;
        return network.connect(to, signal);
      },
      listen: (at) => network.listen(at),
    };
  }

  #pass(packet: Packet): readonly Packet[] {
    const seen = this.#seen(packet);
    if (seen === null) return [packet];
    if (this.#cell.owned.includes(seen.channel)) {
      this.#history.push(seen);
      const passed = this.#act?.(seen) ?? [packet];
      if (passed.length !== 1 || passed[0] !== packet) this.#acted++;
      for (const one of passed) this.#note(one, packet);
      return passed;
    }
    this.#note(packet, packet);
    return [packet];
  }

  #inject(packet: Packet): void {
    this.#acted++;
    this.#note(packet, null);
    const pass = this.#datagrams.pass;
    this.#datagrams.pass = (one) => [one];
    this.#datagrams.send(packet);
    this.#datagrams.pass = pass;
  }

  /** Notes who gets what. @param original The handlers' own packet; null if there was none. */
  #note(packet: Packet, original: Packet | null): void {
    const { length } = packet.bytes;
    if (sameEndpoint(packet.from, 0, VICTIM, 0)) this.#bytes.fromVictim += length;
    if (original === null) return;
    if (sameEndpoint(original.to, 0, VICTIM, 0)) this.#bytes.toVictim += original.bytes.length;
    if (sameEndpoint(original.to, 0, STRANGER, 0)) this.#bytes.toStranger += original.bytes.length;
  }

  /** A packet of a client that is attacked, on a channel; packets to other addresses are noted. */
  #seen(packet: Packet): Seen | null {
    const from = addressAt(packet.from), to = addressAt(packet.to);
    const up = to.port === 6522, server = up ? to : from, client = up ? from : to;
    if (!server.host.startsWith("192.0.2.")) return null;
    const [a, , , last] = client.host.split("."), name = CLIENTS[Number(last) - 1];
    if (a !== "198" || name === undefined || name === "carol") {
      this.#note(packet, packet);
      return null;
    }
    return { packet, channel: Number(server.host.split(".")[3]) - 1, client: name, up };
  }

  async #round(): Promise<void> {
    for (const { name, program, at, sent } of this.#applications) {
      for (let datagram = 0; datagram < EACH; datagram++) {
        const text = `${name} says ${sent.length} ${"and more ".repeat(this.#random.below(15))}`;
        sent.push(text);
        program.send(text, at);
      }
    }
    await this.#flow();
    for (const action of this.#rounds) action();
    await this.#flow();
    await this.#clock.advance(20);
  }

  async #flow(): Promise<void> {
    for (let times = 0; times < 5; times++) {
      this.#datagrams.flush();
      await settle();
    }
  }

  /** All that was delivered was sent, and arrived once. @param said The text that was sent, of one that arrived; empty if none. */
  #delivered(texts: readonly string[], to: string, said: (text: string) => string): string[] {
    const all = new Set(this.#applications.flatMap(({ sent }) => sent)), wrong: string[] = [];
    for (const text of texts) if (!all.has(said(text))) wrong.push(`${to} got what nobody said to it: ${text}`);
    if (new Set(texts).size < texts.length) wrong.push(`${to} got a datagram twice`);
    return wrong;
  }

  /** Each socket towards the target is one application's. */
  #flowsApart(): string[] {
    const users = new Map<number, string>(), wrong: string[] = [];
    for (const { text, from } of this.#target.got) {
      const name = text.slice(0, text.indexOf(" says"));
      if ((users.get(from.port) ?? name) !== name) wrong.push(`a flow has datagrams of ${name} and another one`);
      users.set(from.port, name);
    }
    return wrong;
  }

  #missing({ name, program }: Application, sent: readonly string[]): string[] {
    const there = new Set(this.#target.texts), back = new Set(program.texts);
    const lost = sent.filter((text) => !there.has(text)).length;
    const unanswered = sent.filter((text) => there.has(text) && !back.has(`re: ${text}`)).length;
    return lost + unanswered === 0 ? [] : [`of ${name}, ${lost} datagrams were lost, and ${unanswered} answers`];
  }

  /** Reports whether any sum of the shares on the adversary's channels shows a text. */
  #reads(): boolean {
    const bySequence = new Map<string, Packet[]>();
    for (const { packet, client, up } of this.#history) {
      if (!isShare(packet)) continue;
      const key = `${client} ${up} ${packet.bytes.slice(8, 14).toHex()} ${packet.bytes.length}`;
      bySequence.set(key, [...bySequence.get(key) ?? [], packet]);
    }
    for (const packets of bySequence.values()) {
      for (let subset = 1; subset < 1 << Math.min(packets.length, 6); subset++) {
        const sum = new Uint8Array(packets[0]!.bytes.length - 32);
        packets.forEach(({ bytes }, at) => {
          if (subset >> at & 1) bytes.subarray(32).forEach((byte, index) => sum[index]! ^= byte);
        });
        if (new TextDecoder("latin1").decode(sum).includes(" says ")) return true;
      }
    }
    return false;
  }

  #counted(): string[] {
    const { counts } = this.#cell.attack;
    if (counts === undefined) return [];
    const all = [this.#server, ...this.#clients].map(({ activity }) => activity.datagrams);
    const tell = counts.some((reason) => all.some((one) => one[reason] > 0));
    return tell ? [] : [`none of ${counts} was counted: ${JSON.stringify(all)}`];
  }

  #failures(): string[] {
    const bad = this.#lines.filter(({ event, level }) => level === "error" || /association failed|refused/.test(event))
      .map(({ event, reason }) => `${event}: ${reason}`);
    // Those of the association that was ended by the test: its two flows, and the server's side.
    for (
      const expected of [
        /^flow refused: the handler is ending$/,
        /^flow refused: the/,
        /^association failed: .*not joined/,
      ]
    ) {
      const at = bad.findIndex((line) => expected.test(line));
      if (at >= 0) bad.splice(at, 1);
    }
    return bad;
  }

  async #left(): Promise<string[]> {
    for (const { socket } of [this.#target, ...this.#applications.map(({ program }) => program)]) socket.close();
    for (const client of this.#clients) await this.#clock.until(client.close());
    await this.#clock.until(this.#server.close());
    await this.#clock.advance(10_000);
    const left = [this.#network.openEnds, this.#datagrams.openSockets, this.#clock.pending];
    return left.every((count) => count === 0) ? [] : [`left: ${left} ends, sockets and timers`];
  }
}
