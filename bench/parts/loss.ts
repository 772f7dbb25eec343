import { type Bench, measureThroughput } from "../bench.ts";
import { ENTRY_HOST, startPair } from "../pair.ts";
import { Load, makeStage } from "../testbed.ts";
import { DELAY, SLOW } from "./table1.ts";

const PORT = 9000, ENTRY = 9200;

/** In percent of all packets, each way. */
const LOSSES = [0, 2, 4, 8, 15];

/** Figure 5: the channels of Table I, of which all or only the slow one lose packets, beside TCP over the slow one. */
export async function loss(bench: Bench): Promise<void> {
  await using stage = await makeStage(DELAY);
  if (!stage.shapable) return bench.progress("left out: loopback loses no packets");
  await using load = await Load.make(stage, PORT);
  await using _pair = await startPair(stage, load, { target: PORT, entry: ENTRY });
  for (let round = 0; round < bench.rounds; round++) {
    for (const percent of LOSSES) {
      bench.progress(`round ${round + 1}, ${percent} % loss`);
      const setting = { "loss, %": percent };
      const part = percent / 100;
      await stage.shape(0, { rate: SLOW, loss: part });
      for (const at of [1, 2]) await stage.shape(at, { loss: 0 });
      const measure = (system: string, host: string, port: number): Promise<void> =>
        measureThroughput(bench, "loss", load, { system, host, port, setting }, "up", 1.5 * bench.seconds);
      await measure("TCP, slow channel", stage.hosts[0]!, PORT);
      await measure("MICSS, loss on the slow channel", ENTRY_HOST, ENTRY);
      for (const at of [1, 2]) await stage.shape(at, { loss: part });
      await measure("MICSS, loss on all channels", ENTRY_HOST, ENTRY);
    }
  }
}
