/** Paths that break under ssh, downloads and idle sessions, in a short form; the task `breaks` runs for ten minutes. */
import { testWith } from "../support/programs/programs.ts";
import { Random } from "../support/random/random.ts";
import { assertNothingLost, BREAKS, NEEDS, openBreakingWorld } from "./breaks.ts";

testWith(
  NEEDS,
  "paths that are reset, dropped, lose their address or link, in any order, cost no session a byte",
  async () => {
    await using world = await openBreakingWorld("{ping: 1s, silence: 3s}");
    await assertNothingLost(world, {
      ways: BREAKS,
      lasts: [100, 1000, 4000],
      between: 100,
      download: 20_000_000,
      rate: 1_500_000,
      sessions: 30,
      least: 4,
      random: new Random(Date.now()),
    });
  },
);
