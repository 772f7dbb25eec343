/** Both handlers over one in-memory network with a fake clock; the test plays applications and targets. */
import { assertEquals } from "@std/assert";
import { parseConfig } from "../../../src/config/load.ts";
import { ClientHandler, type ClientSecrets } from "../../../src/client/handler.ts";
import { clientSpec } from "../../../src/config/client.ts";
import { serverSpec } from "../../../src/config/server.ts";
import type { Address } from "../../../src/net/address.ts";
import type { Connection, Listener } from "../../../src/net/connection.ts";
import { createLog } from "../../../src/log/log.ts";
import { ServerHandler, type ServerReloadOptions } from "../../../src/server/handler.ts";
import { FakeClock } from "../time/fake_clock.ts";
import { MemoryDatagrams } from "../network/memory_datagrams.ts";
import { MemoryNetwork, type MemoryNetworkOptions } from "../network/memory_network.ts";

/** The client handler's forward to port 80 of the server named "web". */
export const FORWARD: Address = { host: "127.0.0.1", port: 8080 };

/** The client handler's address for redirected connections. */
export const REDIRECT: Address = { host: "127.0.0.1", port: 6533 };

/** The server handler's target for port 80. */
export const TARGET: Address = { host: "127.0.0.2", port: 8000 };

/** A log line, parsed from JSON. */
export type Line = { readonly event: string } & Readonly<Record<string, unknown>>;

/** Contents of the files that settings name. */
export interface Secrets {
  readonly server?: Pick<ServerReloadOptions, "keys" | "clients">;
  readonly client?: Pick<ClientSecrets, "credentials">;
}

/** Both handlers, their network and their logs. */
export class Handlers {
  readonly network: MemoryNetwork;
  readonly datagrams = new MemoryDatagrams();
  readonly clock = new FakeClock();
  readonly server: ServerHandler;
  readonly client: ClientHandler;
  readonly serverLines: Line[] = [];
  readonly clientLines: Line[] = [];
  /** Accepts the target's connections. */
  readonly targets: Listener;
  /** The original destination of the next redirected connections. */
  originalDestination: () => Address = () => ({ host: "192.0.2.2", port: 80 });

  /**
   * Starts both handlers.
   *
   * @param options The network's options.
   * @param yaml Further settings: the server handler's besides channels and a target for port 80; the client's besides its
   * server, its entries, the number of associations kept ready (default: 0), and that of channels, from 192.0.2.1 on (default:
   * 3).
   * @param secrets Keys and clients that the settings would name.
   */
  constructor(
    options: MemoryNetworkOptions = {},
    yaml: { server?: string; client?: string; warm?: number; channels?: number } = {},
    secrets: Secrets = {},
  ) {
    const { clock, datagrams } = this;
    const { warm = 0, channels: count = 3 } = yaml;
    const channels = Array.from({ length: count }, (_, index) => `192.0.2.${index + 1}`).join();
    const network = this.network = new MemoryNetwork(options);
    this.targets = network.listen(TARGET);
    const logTo = (lines: Line[]) =>
      createLog({ level: "debug", format: "json", write: (line) => lines.push(JSON.parse(line)) });
    this.server = new ServerHandler({
      config: parseConfig("", serverSpec, ["--config", "s"], () => `
channels: [${channels}]
targets: {80: "127.0.0.2:8000", 81: "127.0.0.2:8001"}
${yaml.server ?? ""}`),
      log: logTo(this.serverLines),
      system: { network, clock },
      datagrams,
      ...secrets.server,
    });
    const system = {
      network,
      clock,
      originalDestination: () => this.originalDestination(),
      makeTransparent: () => {},
    };
    this.client = new ClientHandler(
      parseConfig("", clientSpec, ["--config", "c"], () => `
servers: {web: {channels: [${channels}], ports: [80, 443]}}
forward: ["127.0.0.1:8080=web:80", "127.0.0.1:8081=web:81", "127.0.0.1:8082=web:82"]
redirect: ["127.0.0.1:6533"]
warm: ${warm}
${yaml.client ?? ""}`),
      { log: logTo(this.clientLines), system, datagrams, ...secrets.client },
    );
  }

  /** Opens a session through the forward. @returns The application's end and the target's. */
  async session(at: Address = FORWARD): Promise<{ application: Connection; target: Connection }> {
    const application = await this.network.connect(at);
    const target = await this.targets.accept();
    return { application, target: target! };
  }

  /** Closes both handlers and `held`, and checks that nothing is left open. */
  async close(...held: Connection[]): Promise<void> {
    await this.client.close();
    await this.server.close();
    this.targets.close();
    for (const connection of held) connection.close();
    // The interval over which the log counts strangers.
    await this.clock.advance(10_000);
    const { network: { openEnds, openListeners }, datagrams: { openSockets }, clock: { pending } } = this;
    const nothing = { openEnds: 0, openListeners: 0, openSockets: 0, pending: 0 };
    assertEquals({ openEnds, openListeners, openSockets, pending }, nothing);
  }
}

/** The only line of an event, without fields that differ from run to run. */
export function lineOf(lines: readonly Line[], event: string): Record<string, unknown> {
  const found = lines.filter((line) => line.event === event);
  assertEquals(found.length, 1, `${event} in ${JSON.stringify(lines)}`);
  const { time: _time, association: _association, session: _session, ...fields } = found[0]!;
  return fields;
}

/** A log's events, in order. */
export function events(lines: readonly Line[]): string[] {
  return lines.map(({ event }) => event);
}
