import type { Shares } from "../../association/association_options.ts";
import type { Levels } from "../../observe/observable.ts";
import { formatChannel } from "../../net/address.ts";
import { Dialer, type DialerOptions } from "./dialer.ts";
import type { ResolvedServer } from "../servers/configured_server.ts";
import type { CarriedFlow } from "./flow_dialer.ts";
import type { Arrival } from "../ingress/arrival.ts";

/** Maximum number of dialers kept, unless more are carrying connections. */
const MAX_KEPT = 256;

interface Kept {
  /** Its server's {@linkcode keyOf}. */
  readonly server: string;
  readonly shares: Shares;
  readonly dialer: Dialer;
  /** Number of connections under way. */
  carrying: number;
}

/** A dialer for each server handler in use; a server whose channels, keys or length of shares change gets another one. */
export class Dialers {
  readonly #options: DialerOptions;
  /** By name, channels and length of shares, least recently used first. */
  readonly #kept = new Map<string, Kept>();
  /** The last one of them; most connections use the same one as the connection before. */
  #latest: Kept | null = null;

  /** Starts without dialers. */
  constructor(options: DialerOptions) {
    this.#options = options;
  }

  /**
   * Carries a connection to a server handler until it has ended. Owns the connection.
   *
   * @param port Requested port of the server handler.
   */
  dial(server: ResolvedServer, arrival: Arrival, port: number): Promise<void> {
    return this.#use(server, (dialer) => dialer.dial(arrival, port));
  }

  /**
   * Carries a flow of datagrams to a server handler until either side ends it; see {@linkcode FlowDialer.carry}.
   *
   * @param port Requested port of the server handler.
   */
  carry(server: ResolvedServer, flow: CarriedFlow, port: number): Promise<boolean> {
    return this.#use(server, (dialer) => dialer.carry(flow, port));
  }

  /**
   * Verifies that an association with a server handler can be made.
   *
   * @throws {ChannelError} If none can be made.
   */
  verify(server: ResolvedServer): Promise<void> {
    return this.#use(server, (dialer) => dialer.verify());
  }

  /** Numbers of associations by their use. */
  get pool(): Required<Levels>["pool"] {
    const pools = [...this.#kept.values()].map(({ dialer }) => dialer.pool);
    const sum = (kind: keyof Required<Levels>["pool"]) => pools.reduce((total, pool) => total + pool[kind], 0);
    return { idle: sum("idle"), busy: sum("busy"), warming: sum("warming") };
  }

  #use<T>(server: ResolvedServer, action: (dialer: Dialer) => Promise<T>): Promise<T> {
    // The configuration's may change later.
    const shares = server.shares ?? this.#options.config().shares, latest = this.#latest;
    const kept = latest?.server === keyOf(server) && latest.shares === shares ? latest : this.#touch(server, shares);
    kept.carrying++;
    const result = action(kept.dialer), release = () => void kept.carrying--;
    // Not finally(), whose promise would come between the session and its application.
    result.then(release, release);
    return result;
  }

  /** Makes a server's dialer the latest, creates it if need be, and closes others beyond {@linkcode MAX_KEPT}. */
  #touch(server: ResolvedServer, shares: Shares): Kept {
    const name = keyOf(server), key = `${name};${shares}`;
    const dialer = () => new Dialer({ ...server, shares }, this.#options);
    const kept = this.#kept.get(key) ?? { server: name, shares, dialer: dialer(), carrying: 0 };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    this.#latest = kept;
    this.#prune();
    return kept;
  }

  /** Aborts every session and handshake, and ends every idle association. */
  close(): void {
    for (const { dialer } of this.#kept.values()) dialer.close();
  }

  /** Closes the least recently used dialers that carry nothing, if there are too many. */
  #prune(): void {
    let over = this.#kept.size - MAX_KEPT;
    // The last one is about to carry a connection.
    for (const [key, { dialer, carrying }] of [...this.#kept].slice(0, -1)) {
      if (over <= 0) return;
      if (carrying > 0) continue;
      dialer.close();
      this.#kept.delete(key);
      over--;
    }
  }
}

const keys = new WeakMap<ResolvedServer, string>();

/** The same for servers with the same name, channels and keys. */
function keyOf(server: ResolvedServer): string {
  const known = keys.get(server);
  if (known !== undefined) return known;
  const { credentials } = server;
  const ids = [credentials?.serverKey, credentials?.clientKey].map((key) => key?.id.toHex() ?? "").join();
  const key = `${server.name}=${server.channels.map(formatChannel)}/${server.threshold ?? ""};${
    server.alternatives?.join(";") ?? ""
  };${ids}`;
  keys.set(server, key);
  return key;
}
