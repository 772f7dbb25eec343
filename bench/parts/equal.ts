import { type Bench, measureThroughput, measureTrips, type Way } from "../bench.ts";
import { startBothShares } from "../pair.ts";
import { Load, makeTestbed } from "../testbed.ts";

const PORT = 9000, ENTRY = 9200;

/** Rates of three equal channels, in Mbit/s; the last as fast as the machine allows. */
const RATES = [{ rate: 100 }, { rate: 1000 }, {}];

/** Beyond the paper: equal channels, each carrying as much as the whole is asked to. */
export async function equal(bench: Bench): Promise<void> {
  await using testbed = await makeTestbed();
  await using load = await Load.make(testbed, PORT);
  await using pairs = await startBothShares(testbed, load, PORT, ENTRY);
  for (const shape of testbed.shapable ? RATES : [{}]) {
    for (const at of testbed.hosts.keys()) await testbed.shape(at, shape);
    const setting = { channels: shape.rate === undefined ? "unshaped" : `${shape.rate} Mbit/s` };
    const ways: Way[] = [
      { system: "TCP", host: testbed.hosts[0]!, port: PORT, setting },
      ...pairs.ways.map((way): Way => ({ ...way, setting })),
    ];
    for (let round = 0; round < bench.rounds; round++) {
      bench.progress(`round ${round + 1}, three channels, ${setting.channels}`);
      for (const way of ways) {
        await measureTrips(bench, "equal", load, way);
        for (const mode of ["up", "down"] as const) await measureThroughput(bench, "equal", load, way, mode);
      }
    }
  }
}
