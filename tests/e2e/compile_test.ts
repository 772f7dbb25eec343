/** The executable that `deno task compile` builds, run as users run it: without Deno and from any directory. */

import { assertEquals, assertMatch } from "@std/assert";
import { buildExecutable, COMPILER, TEST_BUILD } from "../support/programs/executable.ts";
import { Program, run } from "../support/programs/process.ts";
import { freePort, freePorts } from "../support/programs/programs.ts";

const executable = await buildExecutable();

function testExecutable(name: string, fn: (executable: string) => Promise<void>): void {
  const ignore = executable === undefined;
  Deno.test({ name: ignore ? `${name} (ignored: needs ${COMPILER})` : name, ignore, fn: () => fn(executable!) });
}

/** A directory outside the project, and no Deno on PATH. */
const ELSEWHERE = { cwd: "/", env: { PATH: "/nonexistent" } };

testExecutable("the executable reports its version and build", async (executable) => {
  const { stdout } = await run([executable, "version"], ELSEWHERE);
  const [first] = new TextDecoder().decode(stdout).split("\n");
  assertMatch(first!, /^micss \d+\.\d+\.\d+ /);
  assertEquals(first!.split("(")[1], `${TEST_BUILD})`);
});

for (const workers of [1, 2]) {
  const suffix = workers === 1 ? "" : `, with ${workers} workers each,`;
  testExecutable(
    `two executables${suffix} carry pages through three channels, and exit on SIGTERM`,
    (executable) => carry(executable, workers),
  );
}

async function carry(executable: string, workers: number): Promise<void> {
  const page = crypto.getRandomValues(new Uint8Array(60_000));
  await using web = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response(page));
  const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
  const port = freePorts(workers, ...hosts);
  const channels = hosts.map((host) => `${host}:${port}`);
  const entry = `127.0.0.1:${freePort("127.0.0.1")}`;

  await using server = start("server", [
    ...channels.flatMap((channel) => ["--channel", channel]),
    ...["--target", `80=127.0.0.1:${web.addr.port}`],
  ]);
  await server.waitForLine(/"event":"ready"/);
  await using client = start("client", ["--server", `web=${channels}`, "--forward", `${entry}=web:80`]);
  await client.waitForLine(/"event":"ready"/);

  using http = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  for (let i = 0; i < 4 * workers; i++) {
    const answer = await fetch(`http://${entry}/`, { client: http });
    assertEquals(await answer.bytes(), page);
  }
  assertEquals([await client.stop(), await server.stop()], [0, 0]);

  function start(command: string, flags: string[]): Program {
    return Program.start([executable, command, ...flags, "--workers", `${workers}`, "--log-format", "json"], ELSEWHERE);
  }
}
