/** A session that meets a fault, over a network in memory, and what becomes of it. */
import { settle } from "../support/time/fake_clock.ts";
import { Handlers, type Line } from "../support/handlers/handlers_in_memory.ts";
import type { Interposed } from "../support/network/memory_network.ts";
import { FaultyPath, type Gate, type PathFault } from "./faulty_path.ts";
import { Session, type TargetFault } from "./session.ts";

/** The channel that has the fault, where it is one channel's. */
export const VICTIM = "192.0.2.2";
const CHANNEL_PORT = 6522;

/** How far time goes in one step, in milliseconds. */
const STEP = 250;

/** Both handlers, the paths between them, and what happens to them. */
export class Trial {
  /** The handlers, their network and their clock. */
  readonly handlers: Handlers;
  /** How connecting to a host goes wrong, or takes its time. */
  connecting: (host: string) => void | Promise<void> = () => {};
  /** Where the next path over the victim stops. */
  gate: Gate | null = null;
  /** What the next path over the victim has from the beginning. */
  born: PathFault | null = null;
  readonly #paths: { readonly host: string; readonly path: FaultyPath }[] = [];
  readonly #sessions: Session[] = [];
  readonly #stopJumping: (() => void)[] = [];
  #stopped = false;

  /** Two handlers that have no association yet. */
  constructor() {
    this.handlers = new Handlers({
      interpose: (path, to) => this.#interpose(path, to),
      interposes: (to) => to.port === CHANNEL_PORT,
      onConnect: (to) => this.connecting(to.host),
    });
    this.#serve();
  }

  /** The paths over the channel that has the fault, the latest last. */
  get victims(): FaultyPath[] {
    return this.#paths.filter(({ host }) => host === VICTIM).map(({ path }) => path);
  }

  /** The paths over all channels. */
  get paths(): FaultyPath[] {
    return this.#paths.map(({ path }) => path);
  }

  /** Whether a path has stopped at its gate. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Begins a session of an application and the target. */
  begin(keepsOn = false, fault: TargetFault | null = null): Session {
    const session = new Session(this.handlers, keepsOn, fault);
    this.#sessions.push(session);
    return session;
  }

  /** Lets time go on until something has come about, or for long enough. @returns How long, in milliseconds. */
  async until(done: () => boolean, most: number): Promise<number> {
    const { clock } = this.handlers;
    const began = clock.now();
    for (let turn = 0; turn < 20 && !done(); turn++) await settle();
    while (!done() && clock.now() - began < most) await clock.advance(STEP);
    return clock.now() - began;
  }

  /** The warnings and errors of both logs: who, the event and the reason. */
  warnings(): [string, string, string][] {
    const of = (who: string, lines: readonly Line[]) =>
      lines.filter(({ level }) => level === "warn" || level === "error")
        .map(({ event, reason, channel }): [string, string, string] => {
          return [who, event, channel === undefined ? String(reason) : `${channel}: ${reason}`];
        });
    return [...of("client", this.handlers.clientLines), ...of("server", this.handlers.serverLines)];
  }

  /** The time of day jumps from now on: each time that it is asked for it is ten years later, or ten years earlier. */
  jump(): void {
    const { now } = Date;
    let sign = 1;
    Date.now = () => now() + (sign = -sign) * 315_576_000_000;
    this.#stopJumping.push(() => Date.now = now);
  }

  /** What was wrong is right again: for what comes then. */
  heal(): void {
    this.connecting = () => {};
    this.gate = this.born = null;
    for (const stop of this.#stopJumping.splice(0)) stop();
  }

  /** Ends all, and checks that nothing is left. */
  async finish(): Promise<void> {
    for (const session of this.#sessions) session.close();
    await this.handlers.client.close();
    await this.handlers.server.close();
    for (const path of this.paths) path.close();
    await this.handlers.close();
  }

  async #serve(): Promise<void> {
    const { targets } = this.handlers;
    for (let next = await targets.accept(); next !== null; next = await targets.accept()) {
      this.#sessions.at(-1)!.serve(next);
    }
  }

  #interpose(path: Interposed, to: { host: string }): void {
    const { clock } = this.handlers;
    const gate = to.host === VICTIM ? this.gate : null;
    const born = to.host === VICTIM ? this.born : null;
    if (gate !== null) this.gate = null;
    if (born !== null) this.born = null;
    const faulty = new FaultyPath(path, clock, gate);
    if (born !== null) faulty.befall(born);
    faulty.reached.then(() => this.#stopped = true);
    this.#paths.push({ host: to.host, path: faulty });
  }
}
