/**
 * The task `breaks`: ten minutes of paths that break in any order, for 5, 20 or 40 s, under a download of a gigabyte, ssh
 * and 200 idle sessions, with the handlers' default limits.
 *
 * @module
 */
import { testWith } from "../support/programs/programs.ts";
import { Random } from "../support/random/random.ts";
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
    random: new Random(Date.now()),
  });
});
