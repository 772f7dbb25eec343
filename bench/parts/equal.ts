import { type Bench, measureThroughput, measureTrips, type Way } from "../bench.ts";
import { ENTRY_HOST, startPair } from "../pair.ts";
import { Load, makeStage } from "../testbed.ts";

const PORT = 9000, ENTRY = 9200;

/** Three channels of the same speed, in Mbit/s; the last as fast as the machine goes. */
const RATES = [{ rate: 100 }, { rate: 1000 }, {}];

/** Past the paper: equal channels, of which each carries as much as all are asked to. */
export async function equal(bench: Bench): Promise<void> {
  await using stage = await makeStage();
  await using load = await Load.make(stage, PORT);
  await using _pair = await startPair(stage, load, { target: PORT, entry: ENTRY });
  for (const shape of stage.shapable ? RATES : [{}]) {
    for (const at of stage.hosts.keys()) await stage.shape(at, shape);
    const setting = { channels: shape.rate === undefined ? "unshaped" : `${shape.rate} Mbit/s` };
    const ways: Way[] = [
      { system: "TCP", host: stage.hosts[0]!, port: PORT, setting },
      { system: "MICSS", host: ENTRY_HOST, port: ENTRY, setting },
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
