/** A session with a fault, over an in-memory network. */
import type { Shares } from "../../src/association/association_options.ts";
import { settle } from "../support/time/fake_clock.ts";
import { Handlers, type Line } from "../support/handlers/handlers_in_memory.ts";
import type { Interposed } from "../support/network/memory_network.ts";
import { plainCookies } from "./cookies.ts";
import { FaultyPath, type Gate, type PathFault } from "./faulty_path.ts";
import { Session, type TargetFault } from "./session.ts";

/** Host of the faulty channel. */
export const VICTIM = "192.0.2.2";
const CHANNEL_PORT = 6522;

/** Duration of a step, in milliseconds. */
const STEP = 250;

/** Both handlers, the paths between them, and their faults. */
export class Trial {
  /** The handlers, their network and their clock. */
  readonly handlers: Handlers;
  /** Runs on each connection to a host; may delay it or make it fail. */
  connecting: (host: string) => void | Promise<void> = () => {};
  /** The gate of the victim's next path. */
  gate: Gate | null = null;
  /** The initial fault of the victim's next path. */
  born: PathFault | null = null;
  readonly #paths: { readonly host: string; readonly path: FaultyPath }[] = [];
  readonly #sessions: Session[] = [];
  readonly #shares: Shares;
  readonly #stopJumping: (() => void)[] = [];
  readonly #cookies: Disposable = plainCookies();
  #stopped = false;

  /** Creates two handlers without an association. @param shares The client's setting of that name. */
  constructor(shares: Shares) {
    this.#shares = shares;
    this.handlers = new Handlers({
      interpose: (path, to) => this.#interpose(path, to),
      interposes: (to) => to.port === CHANNEL_PORT,
      onConnect: (to) => this.connecting(to.host),
    }, { client: `shares: ${shares}` });
    this.#serve();
  }

  /** The faulty channel's paths, the latest last. */
  get victims(): FaultyPath[] {
    return this.#paths.filter(({ host }) => host === VICTIM).map(({ path }) => path);
  }

  /** All channels' paths. */
  get paths(): FaultyPath[] {
    return this.#paths.map(({ path }) => path);
  }

  /** Set once a path has stopped at its gate. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Resets all that the server handler has, and makes it forget its associations, as if its process were killed. */
  killServer(): void {
    for (const path of this.paths) path.befall("reset");
    for (const association of [...this.handlers.server.activity.associations.keys()]) association.abort();
  }

  /** Starts a session between an application and the target. */
  begin(keepsOn = false, fault: TargetFault | null = null): Session {
    const session = new Session(this.handlers, keepsOn, fault, this.#shares);
    this.#sessions.push(session);
    return session;
  }

  /** Advances time until `done`, for at most `most`. @returns The elapsed time, in milliseconds. */
  async until(done: () => boolean, most: number): Promise<number> {
    const { clock } = this.handlers;
    const began = clock.now();
    for (let turn = 0; turn < 20 && !done(); turn++) await settle();
    while (!done() && clock.now() - began < most) await clock.advance(STEP);
    return clock.now() - began;
  }

  /** Warnings and errors of both logs: handler, event and reason. */
  warnings(): [string, string, string][] {
    const of = (who: string, lines: readonly Line[]) =>
      lines.filter(({ level }) => level === "warn" || level === "error")
        .map(({ event, reason, channel }): [string, string, string] => {
          return [who, event, channel === undefined ? String(reason) : `${channel}: ${reason}`];
        });
    return [...of("client", this.handlers.clientLines), ...of("server", this.handlers.serverLines)];
  }

  /** Makes the date jump: each reading alternates between ten years ahead and the present. */
  jump(): void {
    const { now } = Date;
    let sign = 1;
    Date.now = () => now() + (sign = -sign) * 315_576_000_000;
    this.#stopJumping.push(() => Date.now = now);
  }

  /** Ends the fault for later connections. */
  heal(): void {
    this.connecting = () => {};
    this.gate = this.born = null;
    for (const stop of this.#stopJumping.splice(0)) stop();
  }

  /** Closes everything, and checks that nothing is left. */
  async finish(): Promise<void> {
    for (const session of this.#sessions) session.close();
    await this.handlers.client.close();
    await this.handlers.server.close();
    for (const path of this.paths) path.close();
    await this.handlers.close();
    this.#cookies[Symbol.dispose]();
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
