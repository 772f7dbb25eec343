/** Pairs of handlers to put load on, as processes of their own, and what they hold. */
import { stdFlags } from "../../scripts/std.ts";
import { printedBy } from "../../scripts/task.ts";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { Handler } from "../support/handlers/handlers.ts";
import { makeTempDir } from "../support/programs/process.ts";
import { freePort } from "../support/programs/programs.ts";
import type { EchoTarget } from "./parties.ts";

/** How many channels an association has in these runs. */
export const CHANNELS = 3;

const WEIGHED = new URL("weighed.ts", import.meta.url).pathname;

/** Files of a handler that no session has. */
const OTHER_FILES = 120;

/** How long an association without a session is kept in these runs, in seconds: until then its files are open. */
export const IDLE_SECONDS = 3;

/** What a handler holds at one moment. */
export interface Holding {
  /** What is in use of the heap, garbage aside, in bytes. */
  readonly heap: number;
  /** Memory of buffers that are in use or kept, in bytes: no part of the heap. */
  readonly buffers: number;
  /** Resident memory in bytes. */
  readonly memory: number;
  /** Open files. */
  readonly files: number;
}

/** A server handler and a client handler over three channels on loopback. */
export class LoadPair implements AsyncDisposable {
  /** Where applications connect. */
  readonly entry: Address;
  readonly #server: Handler;
  readonly #client: Handler;
  #weighed = 0;
  readonly #stack: AsyncDisposableStack;

  private constructor(entry: Address, server: Handler, client: Handler, stack: AsyncDisposableStack) {
    this.entry = entry;
    this.#server = server;
    this.#client = client;
    this.#stack = stack;
  }

  /**
   * Starts a pair.
   *
   * @param sessions How many sessions it must take at once.
   * @param through Where the client is to connect for a channel of the server's. Default: to it.
   * @param heap V8's flags. Default: those that micss runs with.
   */
  static async start(
    target: Pick<EchoTarget, "address">,
    sessions: number,
    through: (channel: Address, index: number) => Address = (channel) => channel,
    heap?: string,
  ): Promise<LoadPair> {
    await using making = new AsyncDisposableStack();
    const { path } = making.use(await makeTempDir());
    const hosts = Array.from({ length: CHANNELS }, (_, index) => `127.0.0.${index + 1}`);
    const port = freePort(...hosts);
    const listed = (channels: Address[]) => `[${channels.map((channel) => `"${formatAddress(channel)}"`)}]`;
    const channels = hosts.map((host) => ({ host, port }));
    const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
    const timeouts = `timeouts: {idle: ${IDLE_SECONDS}s, handshake: 30s}`;
    // All sessions are one client's, and their associations may be idle at once: one source has a quarter for that.
    const associations = 4 * (sessions + 2);
    await Deno.writeTextFile(
      `${path}/server.yaml`,
      `channels: ${listed(channels)}
targets: {80: "127.0.0.1:${target.address.port}"}
limits: {associations: ${associations}, waiting: 3000, waiting-per-source: 3000, accept-rate: 0}
${timeouts}
`,
    );
    await Deno.writeTextFile(
      `${path}/client.yaml`,
      `servers: {web: {channels: ${listed(channels.map(through))}}}
forward: ["127.0.0.1:${entry.port}=web:80"]
limits: {sessions: ${sessions + 2}}
${timeouts}
`,
    );
    heap ??= (await printedBy("runtime")).find((flag) => flag.startsWith("--v8-flags="))!;
    const flags = ["-A", `${heap},--expose-gc`, ...await stdFlags()];
    const micss = [Deno.execPath(), "run", "-q", ...flags, WEIGHED];
    const server = making.use(await Handler.start("server", ["--config", `${path}/server.yaml`], { micss }));
    const client = making.use(await Handler.start("client", ["--config", `${path}/client.yaml`], { micss }));
    return new LoadPair(entry, server, client, making.move());
  }

  /** What both handlers hold: the client's, then the server's. */
  async holding(): Promise<[Holding, Holding]> {
    const count = ++this.#weighed;
    const of = async (handler: Handler) => {
      const memory = await handler.memory();
      handler.signal("SIGUSR2");
      const { bytes, buffers } = await handler.waitForLog("heap", { count });
      return { memory, files: await handler.files(), heap: Number(bytes), buffers: Number(buffers) };
    };
    return await Promise.all([of(this.#client), of(this.#server)]);
  }

  /** What is resident of both handlers: the client's, then the server's. */
  resident(): Promise<[number, number]> {
    return Promise.all([this.#client.memory(), this.#server.memory()]);
  }

  /** Both logs, for a message. */
  describe(): string {
    return `${this.#client.describe()}\n${this.#server.describe()}`;
  }

  /** Kills the server handler. */
  async killServer(): Promise<void> {
    this.#server.signal("SIGKILL");
    await this.#server.stop();
  }

  /** How many files the client handler has open. */
  clientFiles(): Promise<number> {
    return this.#client.files();
  }

  /** How many lines either log has of level warn or error; those that were kept. */
  complaints(): string[] {
    return [this.#client, this.#server].flatMap((handler) => {
      // That files might not be enough for the limits that these runs set is as it should be.
      const lines = handler.logged(/^(?!few open files)/, { level: /warn|error/ });
      return lines.map(({ event, reason }) => `${event}: ${reason}`);
    });
  }

  /** Ends both. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** The most sessions that one pair of handlers can hold with the files that this process, and so they, may open. */
export function mostSessions(): number {
  const { success, stdout } = new Deno.Command("sh", { args: ["-c", "ulimit -Hn"], stderr: "null" }).outputSync();
  const files = success ? Number(new TextDecoder().decode(stdout)) : 1024;
  return Math.floor(((Number.isNaN(files) ? 1_000_000 : files) - OTHER_FILES) / (CHANNELS + 1));
}
