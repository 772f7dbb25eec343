import { type Bench, measureThroughput, measureTrips, type Way } from "../bench.ts";
import { startBothShares } from "../pair.ts";
import { Load, makeTestbed } from "../testbed.ts";

/** The paper's wireless channel's rate, in Mbit/s. */
export const SLOW = 14.9;

/** The slow channel's delay in each direction, in milliseconds: half of the paper's mean round trip. */
export const DELAY = 4;

const PORT = 9000, ENTRY = 9200;

/** Table I: one slow channel and two fast ones, each alone and through MICSS. */
export async function table1(bench: Bench): Promise<void> {
  await using testbed = await makeTestbed(DELAY);
  await testbed.shape(0, { rate: SLOW, loss: 0 });
  await using load = await Load.make(testbed, PORT);
  await using pairs = await startBothShares(testbed, load, PORT, ENTRY);
  const [slow, ...fast] = testbed.hosts as [string, ...string[]];
  const ways: Way[] = [
    { system: "TCP, channel A", host: slow, port: PORT },
    ...fast.map((host, at) => ({ system: `TCP, channel ${"BC"[at]}`, host, port: PORT })),
    ...pairs.ways,
  ];
  for (let round = 0; round < bench.rounds; round++) {
    for (const way of ways) {
      bench.progress(`round ${round + 1}, ${way.system}`);
      await measureTrips(bench, "table1", load, way);
      // A slow flow takes longer to fill the buffers on its path.
      const seconds = bench.seconds * (fast.includes(way.host) ? 1 : 3);
      for (const mode of ["up", "down"] as const) await measureThroughput(bench, "table1", load, way, mode, seconds);
    }
  }
}
