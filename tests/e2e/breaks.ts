/** Traffic of real programs over three paths between two namespaces, while one path after another breaks. */
import { assert, assertEquals } from "@std/assert";
import { setTimeout as sleep } from "node:timers/promises";
import { Handler } from "../support/handlers/handlers.ts";
import { startTarget } from "../support/programs/peer.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { makeTempDir, Program, run } from "../support/programs/process.ts";
import { startSshd } from "../support/programs/sshd.ts";
import { makeTopology, type Topology } from "../support/system/namespaces.ts";
import { Random } from "../support/random/random.ts";
import { asHandler } from "./paths.ts";

const IDLE = new URL("idle_sessions.py", import.meta.url).pathname;

const TARGETS = "{80: 127.0.0.1:8000, 81: 127.0.0.1:8001, 22: 127.0.0.1:SSH, 5432: 127.0.0.1:5432}";
const FORWARDS =
  `["127.0.0.1:8080=web:80", "127.0.0.1:8081=web:81", "127.0.0.1:8022=web:22", "127.0.0.1:5432=web:5432"]`;

/** Programs and rights that these tests need. */
export const NEEDS = ["network namespaces", "iptables", "nginx", "curl", "ssh", "sshd", "ssh-keygen", "python3", "ss"];

/** Handlers in two namespaces, and targets: nginx at port 8080, one that says hello at 8081, sshd at 8022, and nothing at 5432. */
export interface BreakingWorld extends AsyncDisposable {
  readonly topology: Topology;
  readonly server: Handler;
  readonly client: Handler;
  /** Directory that nginx serves. */
  readonly root: string;
  /** The `ssh` command. */
  readonly ssh: readonly string[];
}

/** Creates the world. @param timeouts The timeouts of both handlers, as YAML. @param more Further settings of both. */
export async function openBreakingWorld(timeouts: string, more = ""): Promise<BreakingWorld> {
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  const topology = making.use(await makeTopology());
  const { near, far, ipv4 } = topology;
  const sshd = making.use(await startSshd(far));
  const targets = TARGETS.replace("SSH", `${sshd.port}`);
  const channels = `channels: [${ipv4}]`, settings = `timeouts: ${timeouts}\n${more}\n`;
  await Deno.writeTextFile(`${path}/server.yaml`, `${channels}\ntargets: ${targets}\n${settings}`);
  const servers = `servers: {web: {${channels}}}`;
  await Deno.writeTextFile(`${path}/client.yaml`, `${servers}\nforward: ${FORWARDS}\n${settings}`);
  const nginx = making.use(await startNginx(["127.0.0.1:8000"], far));
  making.use(await startTarget("hold", "127.0.0.1:8001", far));
  const server = making.use(await Handler.start("server", ["--config", `${path}/server.yaml`], far));
  const client = making.use(await Handler.start("client", ["--config", `${path}/client.yaml`], asHandler(near.within)));
  const made = making.move();
  return {
    ...{ topology, server, client, root: nginx.root, ssh: sshd.login(8022) },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** One way to break a path, and to mend it; each takes the path's number. */
export interface Break {
  /** Names it. */
  readonly name: string;
  /** Breaks the path for `ms` milliseconds. */
  readonly run: (topology: Topology, path: number, ms: number) => Promise<void>;
}

const drop = (end: "near" | "far"): Break => ({
  name: `dropped at the ${end} end`,
  async run(topology, path, ms) {
    const rule = ["INPUT", "-i", `c${path}`, "-j", "DROP"], { within } = topology[end];
    await run(["iptables", "-w", "-A", ...rule], { within });
    await sleep(ms);
    await run(["iptables", "-w", "-D", ...rule], { within });
  },
});

/** All of them. */
export const BREAKS: readonly Break[] = [
  {
    name: "reset at the near end",
    run: ({ near: { within }, ipv4 }, path) =>
      run(["ss", "-K", "-H", "-t", "dst", ipv4[path - 1]!], { within }).then(() => {}),
  },
  {
    name: "reset at the far end",
    run: ({ far: { within } }, path) =>
      run(["ss", "-K", "-H", "-t", "dst", `10.77.${path}.1`], { within }).then(() => {}),
  },
  drop("near"),
  drop("far"),
  {
    name: "address removed",
    async run({ near }, path, ms) {
      await near.ip(`address del 10.77.${path}.1/24 dev c${path}`);
      await sleep(ms);
      await near.ip(`address add 10.77.${path}.1/24 dev c${path}`);
    },
  },
  {
    name: "another address",
    async run({ near }, path, ms) {
      const from = `10.77.${path}.1/24 dev c${path}`, to = `10.77.${path}.3/24 dev c${path}`;
      await near.ip(`address del ${from}`, `address add ${to}`);
      await sleep(ms);
      await near.ip(`address del ${to}`, `address add ${from}`);
    },
  },
  {
    name: "link down",
    async run({ near }, path, ms) {
      await near.ip(`link set c${path} down`);
      await sleep(ms);
      await near.ip(`link set c${path} up`);
    },
  },
];

/** Breaks after which a channel must have been joined again. */
const MOST = 20;

/** Settings of {@linkcode assertNothingLost}. */
export interface Breaking {
  /** Breaks to choose from. */
  readonly ways: readonly Break[];
  /** Durations of breaks to choose from, in milliseconds. */
  readonly lasts: readonly number[];
  /** Time between two breaks, in milliseconds. */
  readonly between: number;
  /** Bytes of the download, and bytes a second. */
  readonly download: number;
  readonly rate: number;
  /** Sessions that are open all the time. */
  readonly sessions: number;
  /** Number of breaks at least, if the download is over before. */
  readonly least: number;
  /** Determines the choices; an error names it. */
  readonly seed: number;
}

/** Asserts that an ssh session has brought every tick, in order. Shells may write what they like at their start. */
export function assertTicks(shell: Program): void {
  const ticks = shell.lines.filter((line) => line.startsWith("tick "));
  // The oldest lines of a long run are not kept.
  const first = Number(ticks[0]?.slice("tick ".length));
  assertEquals(ticks, ticks.map((_, at) => `tick ${first + at}`));
}

/** Breaks paths under a download, an ssh session and many idle ones; nothing may be wrong, lost or reset. */
export async function assertNothingLost(world: BreakingWorld, how: Breaking): Promise<void> {
  try {
    await breakAll(world, how);
  } catch (cause) {
    throw new Error(`with seed ${how.seed}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

async function breakAll(world: BreakingWorld, how: Breaking): Promise<void> {
  const { topology, server, client, root, ssh } = world, { near: { within } } = topology;
  await using stack = new AsyncDisposableStack();
  await run(["sh", "-c", `head -c ${how.download} /dev/urandom >${root}/file`]);
  const sum = (await run(["sha256sum", `${root}/file`])).text().slice(0, 64);
  const idle = stack.use(Program.start(["python3", "-u", IDLE, "127.0.0.1", "8081", `${how.sessions}`], { within }));
  await idle.waitForLine(/^open/);
  const shell = stack.use(
    Program.start([...ssh, "i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.2; done"], { within }),
  );
  await shell.waitForLine(/^tick 0/);
  const curl = `curl -sSf --limit-rate ${how.rate} http://127.0.0.1:8080/file | sha256sum`;
  let over = false;
  const download = stack.use(Program.start(["sh", "-c", curl], { within }));
  download.exited.then(() => over = true);
  const random = new Random(how.seed);
  const hasRejoined = () => client.logged("channel joined again").length > 0;
  // Some breaks are too short to break a connection.
  for (let broken = 0; !over || broken < how.least || !hasRejoined() && broken < MOST; broken++) {
    const way = random.pick(how.ways), path = random.between(1, 3);
    await way.run(topology, path, random.pick(how.lasts));
    const after = shell.lines.length;
    await shell.waitForLine(new RegExp(`^tick ${after + 2}$`), `tick after path ${path}: ${way.name}`, 90_000);
    await sleep(how.between);
  }
  assertEquals(download.lines, [`${sum}  -`]);
  assertTicks(shell);
  assertEquals(idle.lines, ["open"]);
  for (const handler of [server, client]) {
    assertEquals(handler.logged(/session (reset|refused)/), [], handler.describe());
  }
  assert(hasRejoined(), client.describe());
}
