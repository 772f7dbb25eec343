/** Applications and targets whose host vanishes silently from an idle session. */
import { assert, assertMatch } from "@std/assert";
import { Handler } from "../support/handlers/handlers.ts";
import { makeTopology } from "../support/system/namespaces.ts";
import { makeTempDir, PATIENCE, Program, run, type RunOptions } from "../support/programs/process.ts";
import { testTogether } from "../support/programs/programs.ts";
import { applicationCommand, startTarget } from "../support/programs/peer.ts";

/** Probes every second: one second of silence, then six probes without an answer. */
const SHORT = "timeouts: {keepalive: 1s}\n";

/** Probes outside the test's duration, so that only the system's own apply. */
const LONG = "timeouts: {keepalive: 1h}\n";

/** Maximum wait for a reset that must come, and for one that must not, in milliseconds; the one with {@linkcode SHORT} takes 7 s. */
const COMES = 40_000, STAYS = 10_000;

/** Runs both handlers on the near host and one end of the session on the far one, which vanishes. */
async function outlives(
  vanishing: "application" | "target",
  timeouts: string,
  sysctls: string[],
  ms = COMES,
): Promise<boolean> {
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  const { near, far } = making.use(await makeTopology(1));
  if (sysctls.length > 0) await run(["sysctl", "-qw", ...sysctls], near);
  const there = vanishing === "target" ? "10.77.1.2" : "127.0.0.1", at = `${there}:8000`;
  const entry = vanishing === "target" ? "127.0.0.1:8080" : "10.77.1.1:8080";
  const channels = "channels: [127.0.0.1, 127.0.0.2]";
  await Deno.writeTextFile(`${path}/server.yaml`, `${channels}\ntargets: {80: "${at}"}\n${timeouts}`);
  await Deno.writeTextFile(
    `${path}/client.yaml`,
    `servers: {web: {${channels}}}\nforward: ["${entry}=web:80"]\n${timeouts}`,
  );
  const server = making.use(await Handler.start("server", ["--config", `${path}/server.yaml`], near));
  const client = making.use(await Handler.start("client", ["--config", `${path}/client.yaml`], near));
  const target = making.use(await startTarget("hold", at, vanishing === "target" ? far : near));
  const application = making.use(
    Program.start(applicationCommand("answer", entry), vanishing === "application" ? far : near),
  );
  await application.waitForLine(/^answered/);
  if (vanishing === "target") await isAcknowledged(at, near);
  await far.ip("link set c1 down");
  const [left, handler] = vanishing === "target" ? [application, server] : [target, client];
  try {
    assertMatch(await left.waitForLine(/^received/, undefined, ms), / reset$/);
  } catch (error) {
    if (error instanceof Deno.errors.TimedOut) return true;
    throw error;
  }
  const { reason } = await handler.waitForLog("session reset");
  assert(/timed out/.test(String(reason)), String(reason));
  return false;
}

/** Waits until the answer has arrived: one that is on its way would be sent again, and nothing probed. */
async function isAcknowledged(target: string, near: RunOptions): Promise<void> {
  // The SYN counts, too.
  const acknowledged = /\bbytes_acked:6\b/;
  const end = Date.now() + PATIENCE;
  while (!acknowledged.test((await run(["ss", "-tinH", "dst", target], near)).text())) {
    assert(Date.now() < end, `${target} does not acknowledge the answer`);
  }
}

testTogether(["network namespaces"], "a session whose application's or target's host is gone is reset in time", {
  async "a session whose application's host is gone is reset at both ends"() {
    assert(!await outlives("application", SHORT, []), "it is still there");
  },
  async "a session whose target's host is gone is reset at both ends"() {
    assert(!await outlives("target", SHORT, []), "it is still there");
  },
  async "the system's keepalive probes apply if they come sooner"() {
    const sysctls = ["time=1", "intvl=1", "probes=3"].map((value) => `net.ipv4.tcp_keepalive_${value}`);
    assert(!await outlives("application", LONG, sysctls), "it is still there");
  },
  async "a session is not reset before the configured time"() {
    assert(await outlives("target", LONG, [], STAYS), "it is gone");
  },
});
