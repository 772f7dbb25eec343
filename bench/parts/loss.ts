import { type Bench, measureThroughput } from "../bench.ts";
import { ENTRY_HOST, startPair } from "../pair.ts";
import { Load, makeTestbed } from "../testbed.ts";
import { DELAY, SLOW } from "./table1.ts";

const PORT = 9000, ENTRY = 9200;

/** Packet losses in each direction, in percent. */
const LOSSES = [0, 2, 4, 8, 15];

/** Figure 5: loss on all channels of Table I or only the slow one, compared with TCP over the slow one. */
export async function loss(bench: Bench): Promise<void> {
  await using testbed = await makeTestbed(DELAY);
  if (!testbed.shapable) return bench.progress("left out: loopback can't lose packets");
  await using load = await Load.make(testbed, PORT);
  await using _pair = await startPair(testbed, load, { routes: [{ target: PORT, entry: ENTRY }] });
  for (let round = 0; round < bench.rounds; round++) {
    for (const percent of LOSSES) {
      bench.progress(`round ${round + 1}, ${percent} % loss`);
      const setting = { "loss, %": percent };
      const part = percent / 100;
      await testbed.shape(0, { rate: SLOW, loss: part });
      for (const at of [1, 2]) await testbed.shape(at, { loss: 0 });
      const measure = (system: string, host: string, port: number): Promise<void> =>
        measureThroughput(bench, "loss", load, { system, host, port, setting }, "up", 1.5 * bench.seconds);
      await measure("TCP, slow channel", testbed.hosts[0]!, PORT);
      await measure("MICSS, loss on the slow channel", ENTRY_HOST, ENTRY);
      for (const at of [1, 2]) await testbed.shape(at, { loss: part });
      await measure("MICSS, loss on all channels", ENTRY_HOST, ENTRY);
    }
  }
}
