/**
 * The task `breaks`: a transaction of PostgreSQL while every path breaks in every way, and ten minutes of paths that break in any order, for 5, 20 or 40 s, under a download of a gigabyte, ssh
 * and 200 idle sessions, with the handlers' default limits.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { setTimeout as sleep } from "node:timers/promises";
import { startPostgres } from "../support/programs/postgres.ts";
import { Program } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { assertNothingLost, BREAKS, NEEDS, openBreakingWorld } from "./breaks.ts";

testWith(NEEDS, "ten minutes of breaking paths cost no session a byte, with the default limits", async () => {
  await using world = await openBreakingWorld("{}");
  await assertNothingLost(world, {
    ways: BREAKS,
    lasts: [5_000, 20_000, 40_000],
    between: 2_000,
    download: 1_000_000_000,
    rate: 3_000_000,
    sessions: 200,
    least: 8,
    seed: Date.now(),
  });
});

testWith(
  [...NEEDS, "initdb", "postgres", "psql"],
  "a transaction stays open while each path breaks in each way",
  async () => {
    await using world = await openBreakingWorld("{ping: 1s, silence: 3s}");
    const { near, far } = world.topology;
    await using _postgres = await startPostgres(far);
    const rounds = 100;
    const insert = "INSERT INTO t SELECT count(*) FROM t; SELECT pg_sleep(0.5);\n";
    const script = `\\set ON_ERROR_STOP on\nBEGIN; CREATE TABLE t (n int);\n${insert.repeat(rounds)}COMMIT;\n` +
      "SELECT 'rows', count(*), count(DISTINCT n), max(n) FROM t;\n";
    const psql = ["psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-U", "postgres", "-c", "SELECT 'ready'", "-f"];
    const file = await Deno.makeTempFile({ prefix: "micss-e2e-", suffix: ".sql" });
    try {
      await Deno.writeTextFile(file, script);
      await using client = Program.start([...psql, file], near);
      await client.waitForLine(/^ready/);
      for (const way of BREAKS) {
        for (const path of [1, 2, 3]) {
          await way.run(world.topology, path, 500);
          await sleep(500);
        }
      }
      assertEquals(
        await client.waitForLine(/^rows|ERROR|error/, "result of the transaction", 180_000),
        `rows|${rounds}|${rounds}|${rounds - 1}`,
      );
      assertEquals(await client.exited, 0);
    } finally {
      await Deno.remove(file);
    }
    for (const handler of [world.client, world.server]) {
      assertEquals(handler.logged(/session (reset|refused)/), [], handler.describe());
    }
  },
);
