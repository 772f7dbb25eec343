/** The rate that `micss plan` promises is the rate that `micss bench` then measures. */

import { assert, assertEquals } from "@std/assert";
import type { BenchResult } from "../../src/bench/mod.ts";
import type { Plan } from "../../src/plan/mod.ts";
import { micssCommand, startServer } from "../support/handlers/handlers.ts";
import { limitRates, makeTopology } from "../support/system/namespaces.ts";
import { Program, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Length of the first measurement, in seconds, and number of attempts, each twice as long as the one before. */
const SECONDS = 0.4, TRIES = 5;

/** Ports of the channels, and of the answers to measurements. */
const CHANNEL = 6522, ANSWER = 6524;

/** Rates of the channels' devices, in Mbit/s. */
const RATES = [60, 40, 15];

/** Payload of a full packet, and its length on the device: TCP with timestamps over IPv4 and Ethernet. */
const PAYLOAD = 1448, PACKET = 1514;

testWith(
  ["network namespaces", "tc"],
  "over channels of unequal speeds the set that micss plan chooses is as fast as planned, within 4 %",
  async () => {
    await using parts = new AsyncDisposableStack();
    const topology = parts.use(await makeTopology()), { near, far, ipv4 } = topology;
    await limitRates(topology, RATES);
    const micss = await micssCommand();
    const answerer = parts.use(
      Program.start([...micss, "bench", "--answer", `127.0.0.1:${ANSWER}`], { ...far, cwd: ROOT }),
    );
    await answerer.waitForLine(/answering/);
    parts.use(await startServer(ipv4.map((host) => ({ host, port: CHANNEL })), `${ANSWER}=127.0.0.1`, far));
    const given = RATES.flatMap((rate, at) => [
      "--estimate",
      `${ipv4[at]}:${CHANNEL}=risk:10%,loss:0,delay:1ms,rate:${(rate * PAYLOAD / PACKET).toFixed(3)}mbit`,
    ]);
    const channels = ipv4.map((host) => `${host}:${CHANNEL}`);
    const planned = await run(
      [...micss, "plan", "--server", `web=${channels.join()}`, ...given, "--max-risk", "1%", "--json"],
      { ...near, cwd: ROOT },
    );
    const { choice }: Plan = JSON.parse(planned.text());
    // The fastest with at most 1 % risk: the first two.
    assertEquals(choice!.schedule[0]!.channels, [0, 1]);
    const server = `web=${choice!.schedule[0]!.channels.map((at) => channels[at]).join()}`;
    const bench = [...micss, "bench", "--server", server, "--port", String(ANSWER), "--json"];
    for (let tries = 1;; tries++) {
      const seconds = SECONDS * 2 ** (tries - 1);
      const measured = await run([...bench, "--seconds", String(seconds)], { ...near, cwd: ROOT });
      const result: BenchResult = JSON.parse(measured.text());
      try {
        for (const way of ["up", "down"] as const) {
          const part = result.micss.throughput[way] / choice!.rate;
          assert(part > 0.96 && part < 1.04, `${way}: ${part} of the plan's rate`);
        }
        return;
      } catch (error) {
        // A busy machine pauses programs: the longer a measurement, the smaller the part of it that a pause takes.
        if (tries === TRIES) throw error;
        console.error(error instanceof Error ? error.message : error);
      }
    }
  },
);
