/** Hosts with two links, whose channels `micss routes` keeps apart, and a count of packets on the wrong link. */
import { setTimeout as sleep } from "node:timers/promises";
import { Handler, micssCommand } from "../support/handlers/handlers.ts";
import { applicationCommand, startTarget } from "../support/programs/peer.ts";
import {
  LONG_PATIENCE,
  makeTempDir,
  type Outcome,
  Program,
  run,
  type RunOptions,
} from "../support/programs/process.ts";
import type { Need } from "../support/programs/programs.ts";
import type { Namespace } from "../support/system/namespaces.ts";
import { makeTwoLinks, type TwoLinks } from "../support/system/two_links.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Requirements of tests with routes. */
export const NEEDS: Need[] = ["network namespaces", "setpriv", "curl", "iptables", "ip6tables"];

/** A version of IP. */
export type Family = "ipv4" | "ipv6";

/** Both versions. */
export const FAMILIES: readonly Family[] = ["ipv4", "ipv6"];

/** Addresses of the server, one per channel, as two_links.ts assigns them. */
export const HOSTS: Readonly<Record<Family, readonly [string, string]>> = {
  ipv4: ["192.0.2.10", "198.51.100.10"],
  ipv6: ["2001:db8:a::10", "2001:db8:b::10"],
};

/** The client's names of the server, and the entries for them, by the version of IP of its channels. */
const NAMES: Readonly<Record<Family, string>> = { ipv4: "web", ipv6: "six" };
const ENTRIES: Readonly<Record<Family, string>> = { ipv4: "127.0.0.1:8080", ipv6: "127.0.0.1:8086" };

const TARGET = "127.0.0.1:8000", ADMIN = "127.0.0.1:9652";

/** A handler that may do nothing but what any user may. */
const UNPRIVILEGED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"];

/** Runs `micss routes`. */
export async function routes(where: RunOptions, ...args: string[]): Promise<Outcome> {
  return await run([...await micssCommand(), "routes", ...args], { cwd: ROOT, ...where, mayFail: true });
}

/** Asks a handler's admin interface. @param where The handler's host. */
export async function ask(where: RunOptions, path: string): Promise<string> {
  return (await run(["curl", "-sS", `http://${ADMIN}${path}`], where)).text();
}

/** Shows a handler's status, as `micss status` does for any user. */
export async function status({ within }: Namespace): Promise<string> {
  const command = [...await micssCommand(), "status"];
  return (await run(command, { cwd: ROOT, within: [...within, ...UNPRIVILEGED] })).text();
}

/** Shows the paths of a client's channels, as `micss paths` does for any user. */
export async function paths({ within }: Namespace, settings: readonly string[]): Promise<string> {
  const command = [...await micssCommand(), "paths", ...settings];
  return (await run(command, { cwd: ROOT, within: [...within, ...UNPRIVILEGED], mayFail: true })).text();
}

/** Runs `micss routes` and fails if it does. @returns Its standard output. */
export async function mustRoutes(where: RunOptions, ...args: string[]): Promise<string> {
  const outcome = await routes(where, ...args);
  if (outcome.code !== 0) throw new Error(`micss routes ${args.join(" ")} failed: ${outcome.stderr}`);
  return outcome.text();
}

/** Starts `micss routes watch` and waits until the routes are in place. */
export async function startWatch({ within }: Pick<Namespace, "within">, ...args: string[]): Promise<Program> {
  await using making = new AsyncDisposableStack();
  const watch = making.use(
    Program.start([...await micssCommand(), "routes", "watch", ...args], { cwd: ROOT, within }),
  );
  await watch.waitForLine(/routes in place/);
  making.move();
  return watch;
}

/** All rules and routes of a namespace, of both versions of IP, without those of link-local addresses, which come late. */
export async function allRoutes(where: RunOptions): Promise<string> {
  const show = ["-4 rule", "-6 rule", "-4 route show table all", "-6 route show table all"];
  return (await run(["sh", "-c", show.map((words) => `ip -d ${words}`).join("; ")], where)).text()
    .replace(/^.* fe80::.*\n/gm, "");
}

/** Two hosts with two links, and a pair of handlers. */
export interface RoutedWorld extends AsyncDisposable {
  readonly links: TwoLinks;
  readonly client: Handler;
  readonly server: Handler;
  /** Arguments of `micss routes` for each side. */
  readonly settings: { readonly client: string[]; readonly server: string[] };
  /** Starts sessions over each version of IP that stay open, as soon as they are possible. @returns Their applications. */
  openSessions(): Promise<Program[]>;
  /** Does something that breaks a channel of each version of IP, and waits until the client has noticed. */
  breaks(action: () => Promise<void>): Promise<void>;
  /** Does something by which a channel of each version of IP comes back, and waits until they are joined again. */
  comesBack(action: () => Promise<void>): Promise<void>;
  /** Waits until a condition holds. */
  eventually(condition: () => Promise<boolean>): Promise<void>;
  /** Counts the packets of either channel that left by the other's link, on both hosts, for each version of IP. */
  strays(): Promise<number[]>;
}

/**
 * Opens the world.
 *
 * @param families The versions of IP that channels are of: the client knows a server for each.
 * @param prepare Runs before the handlers start.
 */
export async function openRoutedWorld(
  families: readonly Family[],
  prepare: (links: TwoLinks, settings: RoutedWorld["settings"], making: AsyncDisposableStack) => Promise<void>,
): Promise<RoutedWorld> {
  await using making = new AsyncDisposableStack();
  const links = making.use(await makeTwoLinks());
  const { path } = making.use(await makeTempDir());
  const bracketed = (family: Family) => HOSTS[family].map((host) => family === "ipv6" ? `[${host}]` : host);
  const timeouts = "{ping: 800ms, silence: 2s, handshake: 2s, rejoin: 2m}";
  const servers = families.map((family) => {
    const [one, two] = bracketed(family);
    return `${NAMES[family]}: ["${one} via wlan0", "${two} via lte0"]`;
  });
  const forwards = families.map((family) => `"${ENTRIES[family]}=${NAMES[family]}:80"`);
  await Deno.writeTextFile(
    `${path}/client.yaml`,
    `servers: {${servers}}\nforward: [${forwards}]\ntimeouts: ${timeouts}\n`,
  );
  const channels = families.flatMap(bracketed).map((host) => `"${host}"`);
  await Deno.writeTextFile(
    `${path}/server.yaml`,
    `channels: [${channels}]\ntargets: {80: "${TARGET}"}\ntimeouts: ${timeouts}\n`,
  );
  const settings = {
    client: ["--config", `${path}/client.yaml`],
    server: ["server", "--config", `${path}/server.yaml`],
  };
  await prepare(links, settings, making);
  for (const family of families) await countStrays(links, family);
  const server = making.use(
    await Handler.start("server", [...settings.server.slice(1), "--admin", ADMIN], links.server),
  );
  making.use(await startTarget("hold", TARGET, links.server));
  const client = making.use(
    await Handler.start("client", [...settings.client, "--admin", ADMIN], {
      within: [...links.client.within, ...UNPRIVILEGED],
    }),
  );
  const eventually = async (condition: () => Promise<boolean>) => {
    const limit = 2 * LONG_PATIENCE, until = performance.now() + limit;
    while (!await condition()) {
      if (performance.now() > until) throw new Error(`not within ${limit} ms: ${condition}\n${client.describe()}`);
      await sleep(100);
    }
  };
  const attempt = async (entry: string) => {
    await using opening = new AsyncDisposableStack();
    const application = opening.use(Program.start(applicationCommand("answer", entry), links.client));
    await application.waitForLine(/^answered/);
    opening.move();
    return application;
  };
  /** Waits until the client logs an event again. */
  const logsAgain = async (event: string, action: () => Promise<void>) => {
    const counts = () => families.map((family) => client.logged(event, { server: NAMES[family] }).length);
    const before = counts();
    await action();
    await eventually(() => Promise.resolve(counts().every((count, at) => count > before[at]!)));
  };
  const made = making.move();
  return {
    links,
    client,
    server,
    settings,
    breaks: (action) => logsAgain("channel broken", action),
    comesBack: (action) => logsAgain("channel joined again", action),
    openSessions: () =>
      Promise.all(families.map(async (family) => {
        let application: Program | undefined;
        const open = async () => application = await attempt(ENTRIES[family]).catch(() => undefined);
        await eventually(async () => await open() !== undefined);
        return made.use(application!);
      })),
    eventually,
    strays: () => Promise.all(families.map((family) => straysOf(links, family))),
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** The rules that match strays of each host: the link of one channel, and the address of the other. */
const STRAYS = [
  { host: "client", address: "-d", devices: ["wlan0", "lte0"] },
  { host: "server", address: "-s", devices: ["eth0", "eth1"] },
] as const;

async function countStrays(links: TwoLinks, family: Family): Promise<void> {
  for (const { host, address, devices } of STRAYS) {
    for (const [at, channel] of HOSTS[family].entries()) {
      const match = ["-o", devices[1 - at]!, address, channel, "-p", "tcp"];
      await run([tool(family), "-w", "-A", "OUTPUT", ...match], links[host]);
    }
  }
}

async function straysOf(links: TwoLinks, family: Family): Promise<number> {
  const counts = await Promise.all(STRAYS.map(async ({ host }) => {
    const { text } = await run([tool(family), "-w", "-nvxL", "OUTPUT"], links[host]);
    return text().split("\n").slice(2).map((line) => Number(/^\s*(\d+)/.exec(line)?.[1] ?? 0));
  }));
  return counts.flat().reduce((sum, count) => sum + count, 0);
}

function tool(family: Family): string {
  return family === "ipv4" ? "iptables" : "ip6tables";
}

/** A link of either host, its address and its routes, which DHCP or the router would give it again. */
const LINKS = {
  wlan0: {
    host: "client",
    ipv4: "192.168.1.5/24",
    ipv6: "2001:db8:1::5/64",
    routers: ["192.168.1.1", "2001:db8:1::1"],
  },
  lte0: { host: "client", ipv4: "10.64.0.2/24", ipv6: "2001:db8:64::2/64", routers: ["10.64.0.1", "2001:db8:64::1"] },
  eth0: { host: "server", ipv4: "192.0.2.10/24", ipv6: "2001:db8:a::10/64", routers: ["192.0.2.1", "2001:db8:a::1"] },
  eth1: {
    host: "server",
    ipv4: "198.51.100.10/24",
    ipv6: "2001:db8:b::10/64",
    routers: ["198.51.100.1", "2001:db8:b::1"],
  },
} as const;

/** Takes a link down. */
export async function takeDown(links: TwoLinks, device: keyof typeof LINKS): Promise<void> {
  await links[LINKS[device].host].ip(`link set ${device} down`);
}

/** Takes a link up again, with its addresses and default routes. */
export async function takeUp(links: TwoLinks, device: keyof typeof LINKS): Promise<void> {
  const { host, ipv6, routers } = LINKS[device];
  const metric = device.endsWith("1") || device === "lte0" ? 601 : 600;
  await links[host].ip(
    `link set ${device} up`,
    // Taking a link down removes these addresses.
    `address replace ${ipv6} dev ${device} nodad`,
    ...routers.map((router) => `route replace default via ${router} dev ${device} metric ${metric}`),
  );
}
