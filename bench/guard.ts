/**
 * Fails if MICSS has become much slower. Compares it with a plain relay in the same run, since absolute times say more
 * about the machine.
 *
 * @module
 */

import { peers } from "./parts/peers.ts";
import { type Result, Results } from "./results.ts";
import { OURS, systems } from "./systems.ts";

/** Minimum figures of MICSS over three channels, as fractions of the relay's: about half of what it reaches. */
const MINIMA: readonly (readonly [metric: string, connections: string | undefined, part: number])[] = [
  ["throughput up", undefined, 0.15],
  ["throughput down", undefined, 0.15],
  ["connections", undefined, 0.12],
  ["requests", "one a request", 0.12],
  ["requests", "kept", 0.12],
];

/** Maximum round trip, as a multiple of the relay's. */
const MAX_ROUND_TRIP = 3.5;

const RELAY = "plain Deno relay pair", MICSS = OURS.shared;

const results = new Results();
const bench = { rounds: 4, seconds: 1, results, progress: (text: string) => console.error(text) };
const figures = ["throughput", "roundtrip", "connections", "requests"];
const both = (await systems()).filter(({ key }) => key === "relay" || key === "micss");
await peers(bench, { systems: both, figures });
const all = results.all();
const checks = [
  ...MINIMA.map(([metric, connections, least]) => {
    const part = ratio(metric, connections);
    return { what: [metric, connections].filter(Boolean).join(", "), part, bound: `>= ${least}`, holds: part >= least };
  }),
  roundTrip(),
];
for (const { what, part, bound, holds } of checks) {
  console.log(`${holds ? "ok      " : "too slow"}  ${what}: ${part.toFixed(2)} of the relay's, ${bound}`);
}
for (const failure of results.failures) console.log(`failed    ${failure}`);
if (results.failures.length > 0 || checks.some(({ holds }) => !holds)) Deno.exit(1);

function roundTrip() {
  const part = ratio("round trip, median", undefined);
  return { what: "round trip", part, bound: `<= ${MAX_ROUND_TRIP}`, holds: part <= MAX_ROUND_TRIP };
}

/** The ratio of MICSS to the relay; NaN, which satisfies no bound, if either was not measured. */
function ratio(metric: string, connections: string | undefined): number {
  const of = (name: string): Result | undefined =>
    all.find((one) => one.system === name && one.metric === metric && one.setting["connections"] === connections);
  return (of(MICSS)?.median ?? NaN) / (of(RELAY)?.median ?? NaN);
}
