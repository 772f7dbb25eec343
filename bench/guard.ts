/**
 * Tells whether MICSS has become much slower: compares it with a plain relay in one run, since times by themselves say
 * more about the machine. Exits 1 where it has.
 *
 * @module
 */

import { peers } from "./parts/peers.ts";
import { type Result, Results } from "./results.ts";
import { TUNNELS } from "./tunnels.ts";

/** What MICSS over three channels must reach, as a part of the relay's figure: about half of what it does reach. */
const LEAST: readonly (readonly [metric: string, connections: string | undefined, part: number])[] = [
  ["throughput up", undefined, 0.15],
  ["throughput down", undefined, 0.15],
  ["connections", undefined, 0.12],
  ["requests", "one a request", 0.12],
  ["requests", "kept", 0.12],
];

/** How much longer a round trip may take than through the relay. */
const MAX_ROUND_TRIP = 3.5;

const RELAY = "plain Deno relay pair", MICSS = "MICSS, 3 channels";

const results = new Results();
const relay = TUNNELS.filter(({ name }) => name === RELAY);
await peers({ rounds: 4, seconds: 1, results, progress: (text) => console.error(text) }, relay, [3]);
const all = results.all();
const checks = [
  ...LEAST.map(([metric, connections, least]) => {
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

/** Not a number where either could not be measured, which holds nowhere. */
function ratio(metric: string, connections: string | undefined): number {
  const of = (name: string): Result | undefined =>
    all.find((one) => one.system === name && one.metric === metric && one.setting["connections"] === connections);
  return (of(MICSS)?.median ?? NaN) / (of(RELAY)?.median ?? NaN);
}
