import { ClientHandler } from "../client/mod.ts";
import { clientSpec } from "../config/client.ts";
import { flagNode } from "../config/node.ts";
import { readConfig, type Spec } from "../config/read.ts";
import { serverSpec } from "../config/server.ts";
import type { ClientConfig, ServerConfig } from "../config/types.ts";
import { type Address, formatAddress } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import type { Network } from "../net/connection.ts";
import { createLog, type Log, silentLog } from "../log/log.ts";
import { ServerHandler } from "../server/mod.ts";
import { DemoError } from "./error.ts";
import { Tap } from "./tap.ts";
import { type TransferLimits, WebServer } from "./web_server.ts";

/** Port that the client handler requests from the server handler; nothing listens there. */
const PORT = 80;

/** Addresses of the channels: loopback has many on Linux, but often only the first elsewhere. */
const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

/** Bytes that a tap keeps per direction of a connection: the page, a million bytes of text, and their framing. */
const TAPE_LENGTH = 1_100_000;

/** Database of the client handler; never opened, as it learns nothing. */
const NO_DATABASE = "/dev/null";

/** A web server, both handlers, and a tap on each of the three channels between them, all on loopback. */
export interface Setup extends AsyncDisposable {
  /** Target of the sessions. */
  readonly web: WebServer;
  /** One per channel. */
  readonly taps: readonly Tap[];
  /** Entry of the client handler that leads to the web server. */
  readonly entry: Address;
  /** True if every channel has its own address; otherwise they differ by port. */
  readonly distinct: boolean;
  /** Warnings of the client handler, which names channels: "session refused: the target refused the connection". */
  readonly warnings: readonly string[];
}

/**
 * Starts everything, at free ports.
 *
 * @throws {StartError} If something can't listen; leaves nothing open.
 */
export async function setUp(network: Network, clock: Clock, limits: TransferLimits): Promise<Setup> {
  const warnings: string[] = [];
  const hosts = loopbackHosts(network);
  const distinct = hosts[0] !== hosts[1];
  const channels = hosts.map((host) => ({ host, port: 0 }));

  await using started = new AsyncDisposableStack();
  const own = <T extends { close(): Promise<void> }>(part: T): T => started.adopt(part, (part) => part.close());
  const web = own(new WebServer(network, clock, { host: HOSTS[0]!, port: 0 }, limits));
  const server = own(
    new ServerHandler({
      config: serverConfig(channels, web.address, distinct),
      log: silentLog,
      system: { network, clock },
    }),
  );
  const taps = server.channels.map((to) => own(new Tap(network, { ...to, port: 0 }, to, TAPE_LENGTH)));
  const clientSystem = { network, clock, originalDestination: notHere, makeTransparent: notHere };
  const log = warningLog(warnings);
  const client = own(
    new ClientHandler(clientConfig(taps.map(({ address }) => address)), { log, system: clientSystem }),
  );
  const entry = client.forwards[0]!;
  const parts = started.move();
  return { web, taps, entry, distinct, warnings, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Three loopback addresses, or the first one three times if it is the only one. */
function loopbackHosts(network: Network): string[] {
  try {
    for (const host of HOSTS) network.listen({ host, port: 0 }).close();
    return HOSTS;
  } catch {
    return HOSTS.map(() => HOSTS[0]!);
  }
}

/** The server handler's configuration: as by flags, except that channels may share an address. */
function serverConfig(channels: readonly Address[], web: Address, distinctAddresses: boolean): ServerConfig {
  const config = configOf(serverSpec, { channel: HOSTS, target: [`${PORT}=${formatAddress(web)}`] });
  return { ...config, channels, distinctAddresses };
}

/** The client handler's: likewise, without warm associations and without the user's database. */
function clientConfig(channels: readonly Address[]): ClientConfig {
  const flags = { server: [`demo=${HOSTS.join()}`], forward: [`${HOSTS[0]}:0=demo:${PORT}`] };
  return { ...configOf(clientSpec, flags), servers: [{ name: "demo", channels }], warm: 0, database: NO_DATABASE };
}

/** The configuration for these flags, with defaults for the rest. */
function configOf<T>(spec: Spec<T>, flags: Readonly<Record<string, readonly string[]>>): T {
  const nodes = Object.entries(flags).map(([flag, texts]) => [flag, flagNode(`micss demo: --${flag}`, texts)] as const);
  return readConfig(spec, { subject: "micss demo", flags: new Map(nodes) });
}

/** Collects warnings: the demo shows no log unless it fails. */
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

/** Placeholder for system calls that only redirected connections need. */
function notHere(): never {
  throw new DemoError("the demo redirects no connections");
}
