/** Pairs of handlers under load, as separate processes, and their resource usage. */
import { stdFlags } from "../../scripts/std.ts";
import { printedBy } from "../../scripts/task.ts";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { Handler } from "../support/handlers/handlers.ts";
import { makeTempDir } from "../support/programs/process.ts";
import { freePort } from "../support/programs/programs.ts";
import type { EchoTarget } from "./parties.ts";

/** Number of channels of an association. */
export const CHANNELS = 3;

const WEIGHED = new URL("weighed.ts", import.meta.url).pathname;

/** Files beyond those of sessions: a handler's channels, and what every process has open. */
const OTHER_FILES = 120;

/** Timeout of idle associations in these runs, in seconds; their files stay open until then. */
export const IDLE_SECONDS = 1;

/** A handler's resource usage. */
export interface Holding {
  /** Used heap after garbage collection, in bytes. */
  readonly heap: number;
  /** Memory of buffers in use or pooled, outside the heap, in bytes. */
  readonly buffers: number;
  /** Resident memory in bytes. */
  readonly memory: number;
  /** Open files. */
  readonly files: number;
}

/** The targets of a pair. */
export interface LoadTarget extends Pick<EchoTarget, "address"> {
  /** The target of datagrams. Default: none. */
  readonly udp?: Address;
  /** Seconds without a datagram after which a flow ends. Default: the handlers'. */
  readonly silence?: number;
}

/** A server handler and a client handler over three channels on loopback. */
export class LoadPair implements AsyncDisposable {
  /** The forward's address. */
  readonly entry: Address;
  /** The address of the forward of datagrams, if there is one. */
  readonly udpEntry: Address;
  readonly #server: Handler;
  readonly #client: Handler;
  #weighed = 0;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    entry: Address,
    udpEntry: Address,
    server: Handler,
    client: Handler,
    stack: AsyncDisposableStack,
  ) {
    this.entry = entry;
    this.udpEntry = udpEntry;
    this.#server = server;
    this.#client = client;
    this.#stack = stack;
  }

  /**
   * Starts a pair.
   *
   * @param sessions Number of concurrent sessions to support.
   * @param through Maps a channel of the server's to the client's address for it. Default: the same.
   * @param heap V8's flags. Default: those of micss.
   */
  static async start(
    target: LoadTarget,
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
    const { udp, silence } = target, udpEntry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
    const flow = silence === undefined ? "" : `, flow: ${silence}s`;
    const timeouts = `timeouts: {idle: ${IDLE_SECONDS}s, handshake: 30s${flow}}`;
    await Deno.writeTextFile(
      `${path}/server.yaml`,
      `channels: ${listed(channels)}
targets: {80: "127.0.0.1:${target.address.port}"}
${udp === undefined ? "" : `udp-targets: {53: "127.0.0.1:${udp.port}"}`}
limits: {sessions: ${sessions + 2}, accept-rate: 0}
${timeouts}
`,
    );
    await Deno.writeTextFile(
      `${path}/client.yaml`,
      `servers: {web: {channels: ${listed(channels.map(through))}}}
forward: ["127.0.0.1:${entry.port}=web:80"]
${udp === undefined ? "" : `udp-forward: ["127.0.0.1:${udpEntry.port}=web:53"]`}
limits: {sessions: ${sessions + 2}}
${timeouts}
`,
    );
    heap ??= (await printedBy("runtime")).find((flag) => flag.startsWith("--v8-flags="))!;
    const flags = ["-A", `${heap},--expose-gc`, ...await stdFlags()];
    const micss = [Deno.execPath(), "run", "-q", ...flags, WEIGHED];
    const server = making.use(await Handler.start("server", ["--config", `${path}/server.yaml`], { micss }));
    const client = making.use(await Handler.start("client", ["--config", `${path}/client.yaml`], { micss }));
    return new LoadPair(entry, udpEntry, server, client, making.move());
  }

  /** Resource usage of the client and the server. */
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

  /** Resident memory of the client and the server. */
  resident(): Promise<[number, number]> {
    return Promise.all([this.#client.memory(), this.#server.memory()]);
  }

  /** Both logs, for error messages. */
  describe(): string {
    return `${this.#client.describe()}\n${this.#server.describe()}`;
  }

  /** Kills the server handler. */
  async killServer(): Promise<void> {
    this.#server.signal("SIGKILL");
    await this.#server.stop();
  }

  /** Number of the client handler's open files. */
  clientFiles(): Promise<number> {
    return this.#client.files();
  }

  /** Lines of level warn or error in either log. */
  complaints(): string[] {
    return [this.#client, this.#server].flatMap((handler) => {
      // These runs set limits that may exceed the available files, which is fine.
      const lines = handler.logged(/^(?!few open files)/, { level: /warn|error/ });
      return lines.map(({ event, reason }) => `${event}: ${reason}`);
    });
  }

  /** Ends both. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Maximum number of sessions, given the limit on open files: this process holds both ends of each, an application and a target. */
export function mostSessions(): number {
  const { success, stdout } = new Deno.Command("sh", { args: ["-c", "ulimit -Hn"], stderr: "null" }).outputSync();
  const files = success ? Number(new TextDecoder().decode(stdout)) : 1024;
  return Math.floor(((Number.isNaN(files) ? 1_000_000 : files) - OTHER_FILES) / 2);
}
