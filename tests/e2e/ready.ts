import { assertMatch } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { Handler, HANDLER_GROUP } from "../support/handlers/handlers.ts";
import type { Namespace } from "../support/system/namespaces.ts";
import { makeTempDir, run } from "../support/programs/process.ts";

/** The handler's group, without capabilities; root owns the files, so it may read them. */
const RIGHTLESS = [
  "setpriv",
  "--regid",
  `${HANDLER_GROUP}`,
  "--clear-groups",
  "--bounding-set=-all",
  "--inh-caps=-all",
];

/** Answer of `/readyz`. */
export interface Answer {
  ready: boolean;
  missing: Record<string, string>;
  degraded: Record<string, string>;
  unknown: Record<string, string>;
}

/** Starts a client handler without capabilities. @param settings Its file's settings besides its server. */
export async function startReady(near: Namespace, channels: readonly string[], settings: string) {
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  const file = `${path}/client.yaml`;
  const web = channels.map((host) => JSON.stringify(formatAddress({ host, port: 6522 }))).join();
  const admin = "127.0.0.1:9652";
  await Deno.writeTextFile(
    file,
    `servers: {web: [${web}]}\nredirect: ["[::]:6522"]\nadmin: "${admin}"\ndatabase: ${path}/channels.db\n${settings}`,
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
  /** Waits for a given answer, which remains valid for a while. */
  const until = async (ready: boolean): Promise<Answer> => {
    let answer = await ask();
    for (let tries = 0; answer.ready !== ready && tries < 40; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      answer = await ask();
    }
    return answer;
  };
  /** The metric for rules in place, if it exists. */
  const inPlace = async (): Promise<string | undefined> => {
    const metrics = (await run(["curl", "--silent", "--noproxy", "*", `http://${admin}/metrics`], near)).text();
    return /^micss_rules_in_place (\d)$/m.exec(metrics)?.[1];
  };
  const made = making.move();
  return { file, handler, ask, until, inPlace, [Symbol.asyncDispose]: () => made.disposeAsync() };
}
