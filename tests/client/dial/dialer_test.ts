/** A dialer for an in-memory server handler; the test plays the application. */
import { assert, assertEquals } from "@std/assert";
import { Dialer } from "../../../src/client/dial/dialer.ts";
import { DEFAULT_TIMEOUTS } from "../../../src/config/common.ts";
import { Activity } from "../../../src/observe/activity.ts";
import { silentLog } from "../../../src/log/log.ts";
import { ThrottledWarning } from "../../../src/log/throttled.ts";
import { Liveness } from "../../../src/session/liveness.ts";
import { ByteBudget } from "../../../src/net/byte_budget.ts";
import { ChannelBreaks } from "../../../src/observe/channel_breaks.ts";
import { CreditBudget } from "../../../src/streams/credit_budget.ts";
import { Count } from "../../../src/workers/worker_group.ts";
import { systemPads } from "../../../src/sharing/system_pads.ts";
import { Handlers } from "../../support/handlers/handlers_in_memory.ts";
import { MemoryDatagrams } from "../../support/network/memory_datagrams.ts";
import "../../support/system/native.ts";
import { applicationPair, channelAddresses, readAll, sendAll } from "../../support/handlers/pair.ts";

Deno.test("an application's bytes are shared with the given pads", async () => {
  const handlers = new Handlers();
  const { network, clock, targets } = handlers;
  const activity = new Activity(clock);
  let padded = 0;
  const dialer = new Dialer({ name: "web", channels: channelAddresses(3) }, {
    ...{
      network,
      clock,
      log: silentLog,
      refused: new ThrottledWarning(silentLog, clock, "session refused"),
      failed: new ThrottledWarning(silentLog, clock, "association failed"),
      unreached: new ThrottledWarning(silentLog, clock, "worker not reached"),
      liveness: new Liveness(clock, () => DEFAULT_TIMEOUTS),
      budget: new CreditBudget(),
      kept: new ByteBudget(1_000_000),
      room: () => true,
      channels: new Count(),
      datagrams: new MemoryDatagrams(),
      activity,
      breaks: new ChannelBreaks(activity, silentLog),
    },
    config: () => ({
      ...{ timeouts: DEFAULT_TIMEOUTS, warm: 0, sendSource: false },
      ...{ associations: 4, limits: { credit: 4_194_304 }, shares: "full", padding: "off" },
    }),
    pads(into) {
      padded += into.length;
      systemPads(into);
    },
  });
  const [application, connection] = await applicationPair();
  const carried = dialer.dial(
    { connection, destination: { host: "web", port: 80 }, refused: () => Promise.resolve(connection.reset()) },
    80,
  );
  const target = (await targets.accept())!;
  await Promise.all([sendAll(application, new Uint8Array(10_000)), sendAll(target, new Uint8Array(0))]);
  assertEquals((await readAll(target)).length, 10_000);
  await readAll(application);
  await carried;
  // A pad for two of three channels, as long as the message and its frames.
  assert(padded > 2 * 10_000 && padded < 2 * 11_000, `${padded}`);
  dialer.close();
  application.close();
  await handlers.close(target);
});
