import { ClientHandler } from "../client/mod.ts";
import { clientSpec } from "../config/client.ts";
import { flagNode } from "../config/node.ts";
import { readConfig, type Spec } from "../config/read.ts";
import { serverSpec } from "../config/server.ts";
import type { ClientConfig, ServerConfig } from "../config/types.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Clock } from "../net/clock.ts";
import type { Network } from "../net/connection.ts";
import { createLog, type Log } from "../observe/log.ts";
import { ServerHandler } from "../server/mod.ts";
import { DemoError } from "./error.ts";
import { Tap } from "./tap.ts";
import { type TransferLimits, WebServer } from "./web_server.ts";

/** The port that the client handler asks the server handler for; nothing listens there. */
const PORT = 80;

/** Where the channels are: loopback has many addresses on Linux, and elsewhere often only the first. */
const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/** How much of each direction of a connection a tap keeps: the page, a million bytes of text, and what is around them. */
const TAPE_LENGTH = 1_100_000;

/** Where the client handler would keep what it learned, if it had to learn anything: it is never opened. */
const NO_DATABASE = "/dev/null";

/** A web server, both handlers, and a tap on each of the three channels between them, all on loopback. */
export interface Setup extends AsyncDisposable {
  /** Where the channels lead at last. */
  readonly web: WebServer;
  /** One a channel. */
  readonly taps: readonly Tap[];
  /** Where the client handler takes connections that lead to the web server. */
  readonly entry: Address;
  /** Whether every channel has an address of its own; else they differ by their ports. */
  readonly distinct: boolean;
  /** What the handlers have warned of: "session refused: the target refused the connection". */
  readonly warnings: readonly string[];
}

/**
 * Starts all of it, at free ports.
 *
 * @throws {StartError} When something can't listen; nothing is left open then.
 */
export async function setUp(network: Network, clock: Clock, limits: TransferLimits): Promise<Setup> {
  const warnings: string[] = [];
  const log = warningLog(warnings);
  const hosts = loopbackHosts(network);
  const distinct = hosts[0] !== hosts[1];
  const channels = hosts.map((host) => ({ host, port: 0 }));

  await using started = new AsyncDisposableStack();
  const own = <T extends { close(): Promise<void> }>(part: T): T => started.adopt(part, (part) => part.close());
  const web = own(new WebServer(network, clock, { host: HOSTS[0]!, port: 0 }, limits));
  const server = own(new ServerHandler(serverConfig(channels, web.address, distinct), log, { network, clock }));
  const taps = server.channels.map((to) => own(new Tap(network, { ...to, port: 0 }, to, TAPE_LENGTH)));
  const clientSystem = { network, clock, originalDestination: notHere, makeTransparent: notHere };
  const client = own(new ClientHandler(clientConfig(taps.map(({ address }) => address)), log, clientSystem));
  const entry = client.forwards[0]!;
  const parts = started.move();
  return { web, taps, entry, distinct, warnings, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Three addresses of loopback, or the first one three times where there are no more. */
function loopbackHosts(network: Network): string[] {
  try {
    for (const host of HOSTS) network.listen({ host, port: 0 }).close();
    return HOSTS;
  } catch {
    return HOSTS.map(() => HOSTS[0]!);
  }
}

/** The server handler's configuration: as with flags, but that the channels may share an address. */
function serverConfig(channels: readonly Address[], web: Address, distinctAddresses: boolean): ServerConfig {
  const config = configOf(serverSpec, { channel: HOSTS, target: [`${PORT}=${formatAddress(web)}`] });
  return { ...config, channels, distinctAddresses };
}

/** The client handler's: likewise, but without associations ahead of demand, and without the user's own database. */
function clientConfig(channels: readonly Address[]): ClientConfig {
  const flags = { server: [`demo=${HOSTS.join()}`], forward: [`${HOSTS[0]}:0=demo:${PORT}`] };
  return { ...configOf(clientSpec, flags), servers: [{ name: "demo", channels }], warm: 0, database: NO_DATABASE };
}

/** What the configuration is with these flags, and by default where they say nothing. */
function configOf<T>(spec: Spec<T>, flags: Readonly<Record<string, readonly string[]>>): T {
  const nodes = Object.entries(flags).map(([flag, texts]) => [flag, flagNode(`micss demo: --${flag}`, texts)] as const);
  return readConfig(spec, { subject: "micss demo", flags: new Map(nodes) });
}

/** Keeps warnings: nobody reads a log in the demo, unless it fails. */
function warningLog(warnings: string[]): Log {
  return createLog({
    level: "warn",
    format: "json",
    write: (line) => {
      const { event, reason } = JSON.parse(line);
      warnings.push(reason === undefined ? event : `${event}: ${reason}`);
    },
  });
}

/** Stands for what only connections that rules redirect need. */
function notHere(): never {
  throw new DemoError("nothing is redirected in the demo");
}
