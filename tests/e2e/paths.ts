import { type Address, formatAddress } from "../../src/net/address.ts";
import { type Handler, HANDLER_GROUP, startClient, startPair, startServer } from "../support/handlers/handlers.ts";
import { makeTopology, type Topology } from "../support/system/namespaces.ts";
import { run, type RunOptions } from "../support/programs/process.ts";
import { freePort } from "../support/programs/programs.ts";

/** A path from an application through both handlers to a target. */
export interface Path extends AsyncDisposable {
  /** Options of the application's programs. */
  near: RunOptions;
  /** Options of the target's programs. */
  far: RunOptions;
  /** The entry's address, `HOST:PORT`. */
  entry: string;
  /** The target's address, `HOST:PORT`. */
  target: string;
  /** The client handler. */
  client: Handler;
  /** The server handler. */
  server: Handler;
}

/** Opens a path over loopback through a `--forward`. */
export async function openForward(): Promise<Path> {
  const target = { host: "127.0.0.1", port: freePort("127.0.0.1") };
  const pair = await startPair({ target });
  return { ...pair, near: {}, far: {}, entry: formatAddress(pair.entry), target: formatAddress(target) };
}

/** Opens a path through an IPv6 `--forward`, between namespaces joined by three IPv6 channels. */
export function openForwardIpv6(): Promise<Path> {
  return openInNamespaces("ipv6", "[::1]:8080", ["--forward", "[::1]:8080=web:80"]);
}

/** Opens a path through `--redirect` with real rules for port 80 of the far host. Over IPv6, one channel is of IPv4. */
export async function openRedirect(family: "ipv4" | "ipv6"): Promise<Path & { topology: Topology }> {
  const any = family === "ipv4" ? "0.0.0.0" : "[::]";
  const entry = family === "ipv4" ? "10.77.1.2:80" : "[fd77:1::2]:80";
  await using making = new AsyncDisposableStack();
  const hosts = ({ ipv4, ipv6 }: Topology) => family === "ipv4" ? ipv4 : [ipv6[0]!, ipv4[1]!, ipv6[2]!];
  const path = making.use(await openInNamespaces(family, entry, ["--redirect", `${any}:6522`], hosts));
  await redirect(path.topology.near.within, family, ["--dport", "80"]);
  const made = making.move();
  return { ...path, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/**
 * Redirects TCP connections of a namespace's programs to port 6522, except those of the handlers' group.
 *
 * @param matches Further matches of the iptables rule.
 */
export async function redirect(
  within: readonly string[],
  family: "ipv4" | "ipv6",
  matches: readonly string[],
): Promise<void> {
  const iptables = [family === "ipv4" ? "iptables" : "ip6tables", "-w", "-t", "nat"];
  const others = ["-m", "owner", "!", "--gid-owner", `${HANDLER_GROUP}`];
  await run([...iptables, "-A", "OUTPUT", "-p", "tcp", ...matches, ...others, "-j", "REDIRECT", "--to-ports", "6522"], {
    within,
  });
}

/** Runs a program in a namespace as the handlers' group. */
export function asHandler(within: readonly string[]): RunOptions {
  return { within: [...within, "setpriv", "--regid", `${HANDLER_GROUP}`, "--clear-groups", "--"] };
}

/**
 * Starts handlers in two namespaces with three channels between them.
 *
 * @param hosts Chooses the addresses of the channels. Default: those of the target's family.
 */
export async function openInNamespaces(
  family: "ipv4" | "ipv6",
  entry: string,
  entries: string[],
  hosts: (topology: Topology) => readonly string[] = (topology) => topology[family],
): Promise<Path & { topology: Topology }> {
  await using making = new AsyncDisposableStack();
  const topology = making.use(await makeTopology());
  const { near, far } = topology;
  const target = family === "ipv4" ? "127.0.0.1:8080" : "[::1]:8080";
  const channels: Address[] = hosts(topology).map((host) => ({ host, port: 6522 }));
  const server = making.use(await startServer(channels, `80=${target}`, far));
  const client = making.use(await startClient(channels, entries, asHandler(near.within)));
  const made = making.move();
  return { near, far, entry, target, server, client, topology, [Symbol.asyncDispose]: () => made.disposeAsync() };
}
