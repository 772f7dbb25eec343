/** In-memory handlers: a network, a fake clock, and applications and a target played by the test. */
import { parseConfig } from "../../../src/config/load.ts";
import { ClientHandler } from "../../../src/client/mod.ts";
import { clientSpec } from "../../../src/config/client.ts";
import { serverSpec } from "../../../src/config/server.ts";
import { formatScope } from "../../../src/config/scope.ts";
import type { Key } from "../../../src/identify/key.ts";
import type { ScopedKey } from "../../../src/identify/learned.ts";
import type { Address } from "../../../src/net/address.ts";
import { type Connection, writeAll } from "../../../src/net/connection.ts";
import type { Resolve } from "../../../src/net/names/resolve.ts";
import { createLog, type Log } from "../../../src/log/log.ts";
import { ServerHandler } from "../../../src/server/mod.ts";
import type { WorkerGroup } from "../../../src/workers/worker_group.ts";
import { FakeClock } from "../time/fake_clock.ts";
import { MemoryNetwork } from "../network/memory_network.ts";
import "../system/native.ts";
import { bounded } from "../programs/process.ts";

/** The worlds' start, in milliseconds since 1970. */
export const BEGINNING = Date.UTC(2030, 0, 1);

/** The address at which redirected connections arrive. */
const REDIRECT: Address = { host: "127.0.0.1", port: 6500 };

/** The server handlers' target, which echoes each read. */
const TARGET: Address = { host: "10.9.9.9", port: 80 };

/** A log line. */
export interface Line {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

/** A log whose lines can be awaited. */
export class Lines {
  /** All lines so far. */
  readonly all: Line[] = [];
  /** The log. */
  readonly log: Log = createLog({ level: "debug", format: "json", write: (line) => this.#add(JSON.parse(line)) });
  readonly #waiting = new Set<() => void>();

  /** The lines of an event so far. */
  of(event: string): Line[] {
    return this.all.filter((line) => line.event === event);
  }

  /** Subject and reason of each line of level warn or error so far. */
  warnings(): [string, unknown][] {
    return this.all.filter(({ level }) => level === "warn" || level === "error").map((
      line,
    ) => [line.event, line.reason]);
  }

  /** Waits for the line number `count` of an event. @returns That line. */
  async until(event: string, count = 1): Promise<Line> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (this.of(event).length >= count) resolve();
    };
    this.#waiting.add(look);
    look();
    await bounded(promise, () => `${count} of ${event} among ${JSON.stringify(this.all)}`);
    this.#waiting.delete(look);
    return this.of(event)[count - 1]!;
  }

  #add(line: Line): void {
    this.all.push(line);
    for (const look of this.#waiting) look();
  }
}

/** Handlers and their surroundings. Owns all that it creates. */
export class World implements AsyncDisposable {
  readonly network: MemoryNetwork = new MemoryNetwork({
    onConnect: (to) => void this.dialled.push(`${to.host}:${to.port}`),
  });
  readonly clock: FakeClock = new FakeClock();
  /** Destinations of connections in order, except applications' own. */
  readonly dialled: string[] = [];
  /** Logs of the servers and the clients. */
  readonly server: Lines = new Lines();
  readonly client: Lines = new Lines();
  /** A directory for the database and other files. */
  readonly directory: string = Deno.makeTempDirSync({ prefix: "micss-world-" });
  /** Addresses of host names. */
  names: Record<string, readonly string[]> = {};
  readonly #stack = new AsyncDisposableStack();
  readonly #destinations: Address[] = [];
  #redirected: Address | undefined;

  constructor() {
    const target = this.network.listen(TARGET);
    const serving = this.#echo(() => target.accept());
    this.#stack.defer(async () => {
      target.close();
      await serving;
      await Deno.remove(this.directory, { recursive: true });
    });
  }

  /** Path of the database. */
  get database(): string {
    return `${this.directory}/channels.db`;
  }

  /** The current date. */
  readonly now = (): number => BEGINNING + this.clock.now();

  /** Starts a server handler whose target already listens. @returns The handler; closing it early is optional. */
  startServer(args: string[], keys: readonly Key[] = [], group?: WorkerGroup, yaml = ""): ServerHandler {
    const flags = [...args, "--target", `80=${TARGET.host}:80`, ...keys.flatMap(() => ["--key", "unused"])];
    const config = parseConfig("micss server", serverSpec, flags, () => yaml);
    const { network, clock } = this;
    const log = group === undefined ? this.server.log : this.server.log.with({ worker: group.index });
    const handler = new ServerHandler({ config, keys, log, system: { network, clock }, ...group && { group } });
    this.#stack.defer(() => handler.close());
    return handler;
  }

  /** Starts a client handler for redirected connections. */
  startClient(args: string[], keys: readonly ScopedKey[] = [], port = REDIRECT.port, yaml = ""): ClientHandler {
    const asked = keys.flatMap(({ scope }) => ["--identify", `${formatScope(scope)}=unused`]);
    const flags = ["--redirect", `${REDIRECT.host}:${port}`, "--database", this.database, ...asked, ...args];
    const config = parseConfig("micss client", clientSpec, flags, () => yaml);
    const resolve: Resolve = (name) => {
      const addresses = this.names[name];
      return addresses === undefined ? Promise.reject(new Error("the name is not known")) : Promise.resolve(addresses);
    };
    const system = {
      network: this.network,
      clock: this.clock,
      now: this.now,
      resolve,
      originalDestination: () => this.#destinations.shift() ?? this.#redirected,
      makeTransparent: () => {},
    };
    const handler = new ClientHandler(config, { log: this.client.log, system, keys });
    this.#stack.defer(() => handler.close());
    return handler;
  }

  /** Connects an application, redirected to the handler. */
  async connect(destination: Address, port = REDIRECT.port): Promise<Connection> {
    this.#destinations.push(destination);
    const connection = await this.network.connect({ ...REDIRECT, port });
    this.dialled.splice(this.dialled.lastIndexOf(`${REDIRECT.host}:${port}`), 1);
    this.#stack.defer(() => connection.close());
    return connection;
  }

  /** Redirects all connections to an address from now on, the handler's own included. */
  redirectAll(destination: Address): void {
    this.#redirected = destination;
    this.network.route = (to) => to.host === destination.host && to.port === destination.port ? REDIRECT : to;
  }

  /** Connects an application that sends a byte. @returns The answer, or how the connection ended. */
  async talk(destination: Address, port?: number): Promise<string> {
    const connection = await this.connect(destination, port);
    try {
      await writeAll(connection, new TextEncoder().encode("hello"));
      const answer = new Uint8Array(100);
      const length = await bounded(connection.read(answer), () => JSON.stringify([this.client.all, this.server.all]));
      return length === null ? "end" : new TextDecoder().decode(answer.subarray(0, length));
    } catch (error) {
      return error instanceof Deno.errors.ConnectionReset ? "reset" : String(error);
    } finally {
      connection.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #echo(accept: () => Promise<Connection | null>): Promise<void> {
    for (let connection = await accept(); connection !== null; connection = await accept()) {
      echo(connection).catch(() => {});
    }
  }
}

async function echo(connection: Connection): Promise<void> {
  try {
    const buffer = new Uint8Array(1000);
    for (let length = await connection.read(buffer); length !== null; length = await connection.read(buffer)) {
      await writeAll(connection, buffer.subarray(0, length));
    }
    await connection.closeWrite();
  } finally {
    connection.close();
  }
}
