import { assertAlmostEquals, assertEquals } from "@std/assert";
import { atLeast, countDistribution, fewerThan, meanArrival } from "../../src/plan/threshold.ts";
import { fc } from "../support/random/property.ts";
import { subsets } from "./linear_program.ts";

const fraction = fc.integer({ min: 0, max: 999 }).map((part) => part / 1000);
const channels = fc.array(
  fc.record({ risk: fraction, loss: fraction, delay: fc.integer({ min: 0, max: 100 }) }),
  { minLength: 1, maxLength: 6 },
);

/** Sums `value` over all outcomes of independent events, each weighted with its probability. */
function expected(probabilities: readonly number[], value: (happened: number[]) => number): number {
  return [[], ...subsets(probabilities.length)].reduce((sum, happened) => {
    const weight = probabilities.reduce((product, p, at) => product * (happened.includes(at) ? p : 1 - p), 1);
    return sum + weight * value(happened);
  }, 0);
}

Deno.test("risk and loss are the sums over all sets of channels that are read or arrive", () => {
  fc.assert(fc.property(channels, (channels) => {
    const risks = channels.map(({ risk }) => risk), arrivals = channels.map(({ loss }) => 1 - loss);
    for (let k = 1; k <= channels.length; k++) {
      assertAlmostEquals(atLeast(risks, k), expected(risks, ({ length }) => length >= k ? 1 : 0), 1e-12);
      assertAlmostEquals(fewerThan(arrivals, k), expected(arrivals, ({ length }) => length < k ? 1 : 0), 1e-12);
    }
  }));
});

Deno.test("the delay is the mean of the k-th arrival over all sets that have one", () => {
  fc.assert(fc.property(channels, (channels) => {
    const arrivals = channels.map(({ loss }) => 1 - loss);
    for (let k = 1; k <= channels.length; k++) {
      const time = expected(arrivals, (arrived) => {
        return arrived.map((at) => channels[at]!.delay).toSorted((a, b) => a - b)[k - 1] ?? 0;
      });
      const arrives = expected(arrivals, ({ length }) => length >= k ? 1 : 0);
      assertAlmostEquals(meanArrival(channels, k), time / arrives, 1e-6 * (1 + time / arrives));
    }
  }));
});

Deno.test("probabilities of 0 and 1 are exact", () => {
  assertEquals(countDistribution([1, 0, 1]), [0, 0, 1, 0]);
  assertEquals([atLeast([1, 0, 1], 2), atLeast([1, 0, 1], 3), fewerThan([1, 1], 2)], [1, 0, 0]);
  assertEquals(meanArrival([{ loss: 0, delay: 7 }, { loss: 0, delay: 3 }], 2), 7);
});
