/** `/readyz` of a client handler with a redirect, that has no right to look at rules, with real rules. */
import { assertEquals, assertMatch } from "@std/assert";
import { Handler, HANDLER_GROUP, startServer } from "../support/handlers.ts";
import { makeTopology, type Topology } from "../support/namespaces.ts";
import { makeTempDir, run } from "../support/process.ts";
import { testWith } from "../support/programs.ts";
import { redirect } from "./paths.ts";
import { FLAVOURS, mustRules, NEEDS } from "./rules.ts";

/** The handler's group, without any right: root's files it may read, as their owner. */
const RIGHTLESS = [
  "setpriv",
  "--regid",
  `${HANDLER_GROUP}`,
  "--clear-groups",
  "--bounding-set=-all",
  "--inh-caps=-all",
];

/** What `/readyz` answers. */
interface Answer {
  ready: boolean;
  missing: Record<string, string>;
  degraded: Record<string, string>;
  unknown: Record<string, string>;
}

/** A client handler, its file, and what it says of itself. */
async function startReady({ near, ipv4 }: Topology, rules: string) {
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  const file = `${path}/client.yaml`;
  const channels = ipv4.slice(0, 3).map((host) => `"${host}:6522"`).join();
  const admin = "127.0.0.1:9652";
  await Deno.writeTextFile(
    file,
    `servers: {web: [${channels}]}\nredirect: ["[::]:6522"]\nadmin: "${admin}"\ndatabase: ${path}/channels.db\n${rules}`,
  );
  const within = [...near.within, ...RIGHTLESS, "--"];
  const handler = making.use(await Handler.start("client", ["--config", file], { within }));
  const { pid } = await handler.waitForLog("ready");
  assertMatch(await Deno.readTextFile(`/proc/${pid}/status`), /^CapEff:\t0+$/m);
  const ask = async (): Promise<Answer> => {
    const { stdout } = await run(
      ["curl", "--silent", "--noproxy", "*", "--max-time", "10", `http://${admin}/readyz`],
      near,
    );
    return JSON.parse(new TextDecoder().decode(stdout));
  };
  /** An answer holds for a while: until another one comes, or should have come. */
  const until = async (ready: boolean): Promise<Answer> => {
    let answer = await ask();
    for (let tries = 0; answer.ready !== ready && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      answer = await ask();
    }
    return answer;
  };
  const made = making.move();
  return { file, ask, until, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

function serverOf({ ipv4, far }: Topology): Promise<Handler> {
  return startServer(ipv4.slice(0, 3).map((host) => ({ host, port: 6522 })), "80=127.0.0.1:8080", far);
}

for (const flavour of FLAVOURS) {
  testWith(
    NEEDS,
    `a handler without rights is ready when the rules that its file has are in place, and no longer: ${flavour}`,
    async () => {
      await using topology = await makeTopology();
      const { near } = topology;
      await using _server = await serverOf(topology);
      await using client = await startReady(
        topology,
        `rules: {exempt-gid: ["${HANDLER_GROUP}"], flavour: ${flavour}}\n`,
      );
      assertEquals(await client.ask(), {
        ready: false,
        missing: { rules: "no connection is led here; run micss rules apply" },
        degraded: {},
        unknown: {},
      });
      await mustRules(near, "apply", "--config", client.file);
      assertEquals(await client.until(true), { ready: true, missing: {}, degraded: {}, unknown: {} });
      await mustRules(near, "remove");
      const { missing } = await client.until(false);
      assertEquals(missing, { rules: "connections over IPv4 are led here no more; run micss rules apply" });
    },
  );
}

testWith(
  NEEDS,
  "rules that are somebody else's keep no handler from being ready, and it says that it can't see them",
  async () => {
    await using topology = await makeTopology();
    const { near } = topology;
    await using _server = await serverOf(topology);
    await redirect(near.within, "ipv4", ["--dport", "80"]);
    await using client = await startReady(topology, "");
    const { ready, missing, unknown } = await client.ask();
    assertEquals([ready, missing, Object.keys(unknown)], [true, {}, ["rules"]]);
    assertMatch(unknown.rules!, /^none of micss rules are in place/);
  },
);
