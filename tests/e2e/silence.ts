/** Two handlers in namespaces, for tests of silent channels and idle sessions. */
import { assert, assertMatch } from "@std/assert";
import { Handler } from "../support/handlers/handlers.ts";
import { makeTopology, type Topology } from "../support/system/namespaces.ts";
import { makeTempDir, Program, run } from "../support/programs/process.ts";
import { applicationCommand, startTarget } from "../support/programs/peer.ts";
import { asHandler } from "./paths.ts";

/** Addresses of the entry and the target, each in its namespace. */
const ENTRY = "127.0.0.1:8080", TARGET = "127.0.0.1:8000";

/** Handlers, a target that says hello and stays connected, and the network between them. */
export interface SilentWorld extends AsyncDisposable {
  readonly topology: Topology;
  readonly server: Handler;
  readonly client: Handler;
  readonly target: Program;
}

/** Creates the world. @param timeouts The timeouts in both configuration files, as YAML. */
export async function openSilentWorld(timeouts: string): Promise<SilentWorld> {
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  const topology = making.use(await makeTopology());
  const { near, far, ipv4 } = topology;
  await Deno.writeTextFile(
    `${path}/server.yaml`,
    `channels: [${ipv4}]\ntargets: {80: "${TARGET}"}\ntimeouts: ${timeouts}\n`,
  );
  await Deno.writeTextFile(
    `${path}/client.yaml`,
    `servers: {web: {channels: [${ipv4}]}}\nforward: ["${ENTRY}=web:80"]\ntimeouts: ${timeouts}\n`,
  );
  const server = making.use(await Handler.start("server", ["--config", `${path}/server.yaml`], far));
  const client = making.use(await Handler.start("client", ["--config", `${path}/client.yaml`], asHandler(near.within)));
  const target = making.use(await startTarget("hold", TARGET, far));
  const made = making.move();
  return { topology, server, client, target, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/**
 * Silences a path during an idle session, and checks which side reports it, and that both ends are reset.
 *
 * @param silence Command in the far namespace that causes the silence.
 * @param channel Number of the affected channel.
 * @param ms Time limit in milliseconds.
 */
export async function assertSilenceEnds(
  { topology: { near, far, ipv4 }, server, client, target }: SilentWorld,
  silence: readonly string[],
  channel: number,
  ms: number,
): Promise<void> {
  await using application = Program.start(applicationCommand("answer", ENTRY), near);
  await application.waitForLine(/^answered/);
  await run(silence, far);
  const began = performance.now();
  assertMatch(await application.waitForLine(/^received/, undefined, ms), / reset$/);
  const left = ms - (performance.now() - began);
  assertMatch(await target.waitForLine(/^received/, undefined, left), / reset$/);
  // The first to notice names the channel; the other side may learn it from a channel's reset.
  const lines = await Promise.all(
    [server, client].map((one) => one.waitForLog("session reset", { reason: /^channel/ })),
  );
  const name = `channel ${channel} (${ipv4[channel - 1]}:6522): silent for `;
  const reasons = lines.map(({ reason }) => String(reason));
  assert(reasons.some((reason) => reason.startsWith(name)), reasons.join("; "));
  const blamed = `channel ${channel} (${ipv4[channel - 1]}:6522): `;
  assert(reasons.every((reason) => reason.startsWith(blamed)), reasons.join("; "));
}
