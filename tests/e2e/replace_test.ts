/** Replaces a server handler that has an admin address while an application sends requests, and none fails. */
import { assertEquals, assertMatch } from "@std/assert";
import { parseAddress } from "../../src/net/address.ts";
import { type Connection, writeAll } from "../../src/net/connection.ts";
import { type Handler, micssCommand } from "../support/handlers/handlers.ts";
import { bounded, makeTempDir, run } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { connect } from "../support/programs/tcp.ts";
import { CURL } from "./core.ts";
import { Download, type FromFiles, PATIENT, startFromFiles } from "./signals.ts";

/** Requests to answer in a test, and before each replacement. */
const REQUESTS = 120, BETWEEN = 20;

/** Consecutive requests at the same time, and the pause after each in milliseconds: one begins every 10 ms or so. */
const AT_ONCE = 4, PAUSE = 40;

const REQUEST = new TextEncoder().encode("GET /file HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");

/**
 * Consecutive requests, each on its own connection, until there are enough; counts failures and their reasons. They come
 * from this process: a curl for each would take more of the processor than the handlers.
 */
class Requests implements Disposable {
  /** Number of answered requests. */
  answered = 0;
  /** The errors of the others, and wrong answers. */
  readonly failures: string[] = [];
  readonly #entry: string;
  #isStopped = false;

  constructor(entry: string) {
    this.#entry = entry;
  }

  /** @param enough Stops the requests once it returns true. */
  async run(enough: () => boolean): Promise<void> {
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (!this.#isStopped && !enough()) {
        await this.#one().then(() => this.answered++, (error) => this.failures.push(String(error)));
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }));
  }

  async until(count: number, pair: FromFiles): Promise<void> {
    const reached = async () => {
      while (this.answered < count) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await bounded(reached(), () => `${count} answers\n${this.failures.join("\n")}\n${pair.describe()}`, 60_000);
  }

  /** Stops them, enough or not. */
  [Symbol.dispose](): void {
    this.#isStopped = true;
  }

  async #one(): Promise<void> {
    using connection = await connect(parseAddress(this.#entry));
    await writeAll(connection, REQUEST);
    const answer = await bounded(readAll(connection), () => "an answer");
    connection.close();
    if (!/^HTTP\/1\.1 200 .*\r\n\r\nwhole$/s.test(answer)) throw new Error(`answered: ${answer}`);
  }
}

async function readAll(connection: Connection): Promise<string> {
  const decoder = new TextDecoder(), buffer = new Uint8Array(4096);
  let text = "";
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}

const ended = (handler: Handler) => bounded(handler.exited, () => `the end of ${handler.describe()}`, 45_000);

/** Moments at which the next server handler starts. */
const FORMS: Record<string, (old: Handler, start: () => Promise<Handler>) => Promise<Handler>> = {
  "once the old one announces its end": async (old, start) => {
    old.signal("SIGTERM");
    await old.waitForLog("ending");
    return await start();
  },
  "at once": (old, start) => {
    old.signal("SIGTERM");
    return start();
  },
  "once the old one has exited, as systemd does": async (old, start) => {
    old.signal("SIGTERM");
    assertEquals(await ended(old), 0, old.describe());
    return await start();
  },
};

/** Starts an nginx with a file at the first target of a pair. */
async function startFileServer({ targets: [target] }: FromFiles): Promise<AsyncDisposable> {
  const nginx = await startNginx([target]);
  await Deno.writeTextFile(`${nginx.root}/file`, "whole");
  return nginx;
}

for (const workers of [1, 2]) {
  testWith(
    ["curl", "nginx"],
    `a server handler of ${workers} workers is replaced in each way: no request of ${REQUESTS} fails`,
    async (t) => {
      const admin = `127.0.0.1:${freePort("127.0.0.1")}`;
      await using pair = await startFromFiles(`admin: "${admin}"\nworkers: ${workers}`, PATIENT);
      await using _files = await startFileServer(pair);
      using requests = new Requests(pair.entries[0]);
      let isOver = false;
      const running = requests.run(() => isOver && requests.answered >= REQUESTS);
      let server = pair.server;
      for (const [name, replace] of Object.entries(FORMS)) {
        const isDone = await t.step(`by one that starts ${name}`, async () => {
          await requests.until(requests.answered + BETWEEN, pair);
          const old = server;
          server = await replace(old, () => pair.restart());
          const { pid } = await server.waitForLog("ready");
          await server.waitForLog("admin", { at: admin });
          assertEquals(await ended(old), 0, old.describe());
          const status = JSON.parse((await run([...CURL, `http://${admin}/status`])).text());
          assertEquals([status.pid, status.ending], [pid, false]);
          assertEquals(requests.failures, [], pair.describe());
        });
        if (!isDone) return;
      }
      isOver = true;
      await running;
      assertEquals(requests.failures, [], pair.describe());
    },
  );
}

testWith(
  ["curl", "nginx"],
  `a client handler is replaced by one that starts first: no request of ${REQUESTS} fails`,
  async (t) => {
    const admin = `127.0.0.1:${freePort("127.0.0.1")}`;
    await using pair = await startFromFiles("", `admin: "${admin}"`);
    await using _files = await startFileServer(pair);
    await t.step("one that does not replace it does not start", async () => {
      const command = [...await micssCommand(), "client", "--config", `${pair.path}/client.yaml`];
      const { code, stderr } = await run(command, { mayFail: true, cwd: new URL("../../", import.meta.url).pathname });
      assertEquals(code, 1);
      assertMatch(stderr, /can't listen at .*: another program listens there/);
    });
    const statusAt = async () => JSON.parse((await run([...CURL, `http://${admin}/status`])).text());
    using requests = new Requests(pair.entries[0]);
    let isOver = false;
    const running = requests.run(() => isOver && requests.answered >= REQUESTS);
    let client = pair.client;
    for (const [from, workers] of [[1, 1], [1, 2], [2, 2]] as const) {
      const isDone = await t.step(`one of ${from} workers by one of ${workers}`, async () => {
        await pair.writeClient(undefined, `admin: "${admin}"\nworkers: ${workers}`);
        await requests.until(requests.answered + BETWEEN, pair);
        const old = client;
        client = await pair.replaceClient();
        const { pid } = await client.waitForLog("ready");
        assertEquals((await statusAt()).pid, (await old.waitForLog("ready")).pid);
        old.signal("SIGTERM");
        await client.waitForLog("admin", { at: admin });
        assertEquals(await ended(old), 0, old.describe());
        assertEquals((await statusAt()).pid, pid);
        assertEquals(requests.failures, [], client.describe());
      });
      if (!isDone) return;
    }
    isOver = true;
    await running;
    assertEquals(requests.failures, [], client.describe());
  },
);

for (const kind of ["TCP", "UNIX"] as const) {
  testWith(
    ["curl", "nginx"],
    `a draining server handler answers at its admin address until its successor takes it, ${kind}`,
    async () => {
      await using directory = await makeTempDir();
      const port = freePort("127.0.0.1");
      const path = `${directory.path}/admin.sock`;
      const [address, at] = kind === "TCP"
        ? [`127.0.0.1:${port}`, [`http://127.0.0.1:${port}`]]
        : [`unix:${path}`, ["--unix-socket", path, "http://localhost"]];
      const get = (where: string) => {
        const [url, ...flags] = at.toReversed();
        return run(["curl", "--silent", "--noproxy", "*", ...flags.reverse(), `${url}${where}`], { mayFail: true });
      };
      await using pair = await startFromFiles(`admin: "${address}"`);
      await using download = await Download.begin(pair.entries[0], pair.targets[0], pair);
      pair.server.signal("SIGTERM");
      await pair.server.waitForLog("ending");
      assertMatch((await get("/readyz")).text(), /"ready":false.*shutting down/);
      assertMatch((await get("/metrics")).text(), /^micss_sessions 1$/m);

      const next = await pair.restart();
      const { pid } = await next.waitForLog("ready");
      assertMatch((await get("/readyz")).text(), /"ready":true/);
      assertMatch((await get("/metrics")).text(), /^micss_sessions 0$/m);
      await download.finish();
      assertEquals(await ended(pair.server), 0, pair.server.describe());
      // The old one's cleanup leaves the new one's socket alone.
      assertEquals(JSON.parse((await get("/status")).text()).pid, pid);
    },
  );
}
