/** Handlers whose files a test rewrites, and downloads that wait for the test. */
import { assertEquals } from "@std/assert";
import { type Address, formatAddress, parseAddress } from "../../src/net/address.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { Handler } from "../support/handlers/handlers.ts";
import { makeTempDir, type Outcome, run } from "../support/programs/process.ts";
import { freePort, freePorts } from "../support/programs/programs.ts";
import { pattern, sha256, Target } from "../support/programs/tcp.ts";
import { CURL } from "./core.ts";

const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/** Settings with which requests wait longer for a server handler than by default: a busy machine starts one slowly. */
export const PATIENT = "timeouts: {handshake: 25s}";

/** A server handler and a client handler with configuration files. */
export interface FromFiles extends AsyncDisposable {
  /** Listens at {@linkcode FromFiles.channels}. */
  server: Handler;
  /** Listens at the entries. */
  client: Handler;
  /** The directory of their files, server.yaml and client.yaml. */
  path: string;
  /** The server handler's addresses. */
  channels: Address[];
  /** The forwards to ports 80 and 81 of the server. */
  entries: [string, string];
  /** Free addresses for a test's targets. */
  targets: [string, string];
  /** Writes the server handler's file: the targets of ports 80 and 81, and further settings. */
  writeServer(targets: string, more?: string): Promise<void>;
  /** Writes the client handler's file: its servers, and further settings. */
  writeClient(servers?: string, more?: string): Promise<void>;
  /** Starts another server handler once the current one has exited or stopped listening. */
  restart(): Promise<Handler>;
  /** Starts a client handler that replaces the current one. */
  replaceClient(): Promise<Handler>;
  /** Both logs, for error messages. */
  describe(): string;
}

/**
 * Starts both with a target for port 80.
 *
 * @param more Further settings of the server handler.
 * @param moreOfClient Further settings of the client handler.
 */
export async function startFromFiles(more = "", moreOfClient = ""): Promise<FromFiles> {
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  // A second worker listens at the next port.
  const port = freePorts(2, ...HOSTS);
  const channels = HOSTS.map((host) => ({ host, port }));
  const listed = `[${channels.map(formatAddress).join()}]`;
  const free = () => `127.0.0.1:${freePort("127.0.0.1")}`;
  const entries: [string, string] = [free(), free()];
  const targets: [string, string] = [free(), free()];
  const writeServer = (to: string, rest = more) =>
    Deno.writeTextFile(`${path}/server.yaml`, `channels: ${listed}\ntargets: ${to}\n${rest}\n`);
  const writeClient = (servers = `{web: ${listed}}`, rest = moreOfClient) =>
    Deno.writeTextFile(
      `${path}/client.yaml`,
      `servers: ${servers}\nforward: ["${entries[0]}=web:80", "${entries[1]}=web:81"]\n${rest}\n`,
    );
  await writeServer(`{80: "${targets[0]}"}`);
  await writeClient();
  const startServer = () => Handler.start("server", ["--config", `${path}/server.yaml`]);
  const server = making.use(await startServer());
  const client = making.use(await Handler.start("client", ["--config", `${path}/client.yaml`]));
  const made = making.move();
  return {
    ...{ server, client, path, channels, entries, targets, writeServer, writeClient },
    async restart() {
      return made.use(await startServer());
    },
    async replaceClient() {
      return made.use(await Handler.start("client", ["--config", `${path}/client.yaml`, "--replace"]));
    },
    describe: () => `${client.describe()}\n${server.describe()}`,
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** A download by curl that pauses halfway until the test resumes it: the test plays its target. */
export class Download implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #served: Connection;
  readonly #outcome: Promise<Outcome>;

  private constructor(stack: AsyncDisposableStack, served: Connection, outcome: Promise<Outcome>) {
    this.#stack = stack;
    this.#served = served;
    this.#outcome = outcome;
  }

  /** Starts a download at `entry`, whose sessions lead to `at`, and waits until half of it is sent. */
  static async begin(entry: string, at: string, pair: { describe(): string }): Promise<Download> {
    await using making = new AsyncDisposableStack();
    const target = making.use(new Target(parseAddress(at)));
    const outcome = run([...CURL, `http://${entry}/`], { mayFail: true });
    const served = await target.accept(pair);
    const request = new Uint8Array(4096);
    await served.read(request);
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\nConnection: close\r\n\r\n`;
    await writeAll(served, new TextEncoder().encode(head));
    await writeAll(served, BODY.subarray(0, BODY.length / 2));
    return new Download(making.move(), served, outcome);
  }

  /** Sends the second half, and checks that everything has arrived. */
  async finish(): Promise<void> {
    await writeAll(this.#served, BODY.subarray(BODY.length / 2));
    await this.#served.closeWrite();
    const { code, stdout, stderr } = await this.#outcome;
    assertEquals([code, sha256(stdout)], [0, sha256(BODY)], stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await this.#outcome;
  }
}

const BODY = pattern(2_000_000);
