import { micssCommand } from "../../tests/support/handlers/handlers.ts";
import { makeTempDir, Program } from "../../tests/support/programs/process.ts";
import { freePort, freePorts, has } from "../../tests/support/programs/programs.ts";
import { attempt, type Bench, measureThroughput, measureTrips } from "../bench.ts";
import { cpuSeconds } from "../processes.ts";
import { measureRequests, startWeb } from "../http.ts";
import { startPair } from "../pair.ts";
import { build, Load, loopback } from "../testbed.ts";

const HOST = "127.0.0.1";

/** Numbers of workers. */
const COUNTS = [1, 2];

/** Concurrent clients of the web server. */
const CLIENTS = 64;

/** Applications that send at once to a client handler measured alone. */
const FLOODS = 8;

const ROOT = new URL("../../", import.meta.url).pathname;

/** Event loops: both handlers with one worker each and with two, then a client handler alone, all on this host. */
export async function workers(bench: Bench): Promise<void> {
  await pairs(bench);
  for (let round = 0; round < bench.rounds; round++) {
    for (const count of COUNTS) {
      bench.progress(`round ${round + 1}, a client alone, ${named(count)}`);
      await attempt(bench, `workers: a client alone, ${named(count)}`, () => alone(bench, count));
    }
  }
}

async function pairs(bench: Bench): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const testbed = loopback();
  const ports = { load: freePort(HOST), web: freePort(HOST) };
  const load = parts.use(await Load.make(testbed, ports.load));
  const hasWeb = has("nginx") && has("wrk");
  if (hasWeb) parts.use(await startWeb([`${HOST}:${ports.web}`], [4], []));
  for (let round = 0; round < bench.rounds; round++) {
    for (const count of COUNTS) {
      bench.progress(`round ${round + 1}, ${named(count)} each`);
      // One pair at a time, so that associations kept ready by one don't cost another anything.
      await using pair = new AsyncDisposableStack();
      const start = async (target: number): Promise<number> => {
        const entry = freePort(HOST), channelPort = freePorts(count, ...testbed.hosts);
        pair.use(await startPair(testbed, load, { routes: [{ target, entry }], channelPort, workers: count }));
        return entry;
      };
      const way = { system: `${named(count)} each`, host: HOST, port: await start(ports.load) };
      for (const mode of ["up", "down"] as const) await measureThroughput(bench, "workers", load, way, mode);
      await measureTrips(bench, "workers", load, way);
      await attempt(bench, `workers: ${way.system}, connections`, async () => {
        const { rate } = await load.measure("dial", HOST, way.port, bench.seconds);
        bench.results.add("workers", way.system, {}, "connections", "1/s", rate);
      });
      if (!hasWeb) continue;
      const port = await start(ports.web);
      // Each worker of the client has to learn the server's workers before the measurement.
      for (let i = 0; i < 20; i++) await fetch(`http://${HOST}:${port}/4k`).then((answer) => answer.bytes());
      for (const keepAlive of [false, true]) {
        const to = { ...way, port, setting: { connections: keepAlive ? "kept" : "one a request" } };
        const requests = { clients: CLIENTS, kilobytes: 4, keepAlive, seconds: Math.max(1, Math.round(bench.seconds)) };
        await measureRequests(bench, "workers", testbed, to, requests);
      }
    }
  }
}

/** Measures the throughput and processor use of a client handler whose shares are never joined. */
async function alone(bench: Bench, count: number): Promise<void> {
  await using parts = new AsyncDisposableStack();
  const program = await build("alone.c", parts);
  const { hosts } = loopback();
  const port = freePort(...hosts), entry = freePort(HOST);
  const sink = parts.use(Program.start([program, "drain", String(port), ...hosts]));
  await sink.waitForLine(/^listening/);
  const { path } = parts.use(await makeTempDir());
  const config = {
    servers: { sink: hosts.map((host) => `${host}:${port}`) },
    forward: [`${HOST}:${entry}=sink:80`],
    // The sink knows the first stream of an association only.
    associations: "per-session",
    warm: 0,
    workers: count,
  };
  await Deno.writeTextFile(`${path}/client.yaml`, JSON.stringify(config));
  const command = [...await micssCommand(), "client", "--config", `${path}/client.yaml`];
  const client = parts.use(Program.start(command, { cwd: ROOT }));
  await client.waitForLine(/ ready /);
  parts.use(Program.start([program, "flood", HOST, String(entry), String(FLOODS)]));
  await nextLines(sink, 2);
  const before = cpuSeconds([client.pid]), since = performance.now();
  const rates = await nextLines(sink, Math.max(2, Math.round(bench.seconds)));
  const bytes = rates.reduce((sum, rate) => sum + Number(rate), 0) / rates.length;
  const processors = (cpuSeconds([client.pid]) - before) / ((performance.now() - since) / 1000);
  const system = `a client alone, ${named(count)}`;
  bench.results.add("workers", system, {}, `throughput up, ${FLOODS} at once`, "Mbit/s", bytes * 8 / 1e6);
  bench.results.add("workers", system, {}, "processors", "of the machine's", processors);
}

/** The next lines of a program's output. */
async function nextLines(program: Program, count: number): Promise<string[]> {
  const from = program.lines.length;
  await program.waitForLine(() => program.lines.length >= from + count, `${count} lines`);
  return program.lines.slice(from, from + count);
}

function named(count: number): string {
  return `${count} worker${count === 1 ? "" : "s"}`;
}
