import { has } from "../../tests/support/programs/programs.ts";
import { type Bench } from "../bench.ts";
import { measureRequests, startWeb } from "../http.ts";
import { ENTRY_HOST, startPair } from "../pair.ts";
import { Load, makeTestbed, type Testbed } from "../testbed.ts";
import { DELAY, SLOW } from "./table1.ts";

const LOAD = 9000, WEB = 8080, ENTRY = 9200, ENTRY_ONCE = 9201;

/** Figure 6. */
const CLIENTS = [1, 10, 100, 300];
/** Figure 6, in kB. */
const FILES = [0, 4, 16];
/** Figure 7, in kB. */
const SIZES = [0, 1, 4, 8, 16];
/** Figure 7. */
const CLIENTS_OF_SIZES = 10;

interface System {
  readonly system: string;
  readonly host: string;
  readonly port: number;
}

/** Figure 6: requests a second by clients and file size, with and without keep-alive, over the channels of Table I. */
export async function web(bench: Bench): Promise<void> {
  await withWeb(bench, FILES, async (testbed, systems) => {
    for (const keepAlive of [true, false]) {
      for (const kilobytes of FILES) {
        for (const clients of CLIENTS) {
          bench.progress(`${keepAlive ? "keep-alive" : "a connection each"}, ${kilobytes} kB, ${clients} clients`);
          for (const system of systems) {
            // A kept connection needs one association only, so there is no reuse to leave out.
            if (keepAlive && system.port === ENTRY_ONCE) continue;
            const connections = keepAlive ? "kept" : "one a request";
            const setting = { connections, "file, kB": kilobytes, clients };
            // Leaves the slow channel time to serve all clients a few times.
            const seconds = kilobytes * clients < 1_000 ? 1 : 2;
            await measureRequests(bench, "web", testbed, { ...system, setting }, {
              ...{ clients, kilobytes, keepAlive, seconds },
            });
          }
        }
      }
    }
  });
}

/** Figure 7: one request per connection, by file size. */
export async function sizes(bench: Bench): Promise<void> {
  await withWeb(bench, SIZES, async (testbed, systems) => {
    for (const kilobytes of SIZES) {
      bench.progress(`files of ${kilobytes} kB`);
      for (const system of systems) {
        const way = { ...system, setting: { "file, kB": kilobytes } };
        const requests = { clients: CLIENTS_OF_SIZES, kilobytes, keepAlive: false, seconds: 1 };
        await measureRequests(bench, "sizes", testbed, way, requests);
      }
    }
  });
}

/** Runs one round fewer than the bench's: requests are many, and converge sooner than long flows. */
async function withWeb(
  bench: Bench,
  files: readonly number[],
  round: (testbed: Testbed, systems: readonly System[]) => Promise<void>,
): Promise<void> {
  if (!has("nginx") || !has("wrk")) return bench.progress("left out: needs nginx and wrk");
  await using testbed = await makeTestbed(DELAY);
  await testbed.shape(0, { rate: SLOW, loss: 0 });
  await using load = await Load.make(testbed, LOAD);
  const [slow] = testbed.hosts as [string];
  const listen = new Set([`127.0.0.1:${WEB}`, `${slow}:${WEB}`]);
  await using _web = await startWeb([...listen], files, testbed.far);
  await using _pair = await startPair(testbed, load, { routes: [{ target: WEB, entry: ENTRY }] });
  await using _once = await startPair(testbed, load, {
    routes: [{ target: WEB, entry: ENTRY_ONCE }],
    channelPort: 6622,
    reuse: false,
  });
  const systems = [
    { system: "TCP, slow channel", host: slow, port: WEB },
    { system: "MICSS", host: ENTRY_HOST, port: ENTRY },
    { system: "MICSS without reuse", host: ENTRY_HOST, port: ENTRY_ONCE },
  ];
  for (let done = 0; done < Math.max(1, bench.rounds - 1); done++) await round(testbed, systems);
}
