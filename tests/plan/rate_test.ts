import { assert, assertAlmostEquals, assertThrows } from "@std/assert";
import { bestRate, usesAt } from "../../src/plan/rate.ts";
import { fastestSchedule, kappa, mu as muOf, rateOf } from "../../src/plan/schedule.ts";
import { fc } from "../support/random/property.ts";
import { bestRateByProgram } from "./linear_program.ts";

const rates = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 6 });

/** Rates, and a mean number of shares that they allow; a whole number in half of the cases. */
const cases = rates.chain((rates) =>
  fc.record({ rates: fc.constant(rates), part: fc.integer({ min: 0, max: 1000 }), whole: fc.boolean() }).map((of) => {
    const mu = 1 + of.part / 1000 * (rates.length - 1);
    return { rates, mu: of.whole ? Math.round(mu) : mu };
  })
);

Deno.test("the closed form's rate is that of the linear program", () => {
  fc.assert(
    fc.property(cases, ({ rates, mu }) => {
      const program = bestRateByProgram(rates, mu);
      assertAlmostEquals(bestRate(rates, mu), program, 1e-6 * program);
    }),
    { numRuns: 400 },
  );
});

Deno.test("no schedule of a fine grid is faster than the closed form, and one is about as fast", () => {
  const rates = [100, 60, 20], STEPS = 100;
  let best = 0;
  for (let one = 0; one <= STEPS; one++) {
    for (let two = 0; one + two <= STEPS; two++) {
      // The weights of the sets 1 2, 1 3 and 2 3.
      const [a, b, c] = [one / STEPS, two / STEPS, (STEPS - one - two) / STEPS] as const;
      best = Math.max(best, Math.min(100 / (a + b), 60 / (a + c), 20 / (b + c)));
    }
  }
  assert(best <= bestRate(rates, 2) * (1 + 1e-9));
  assertAlmostEquals(best, 80, 1);
  assertAlmostEquals(bestRate(rates, 2), 80);
});

Deno.test("at the best rate the uses of the channels sum to mu", () => {
  fc.assert(fc.property(cases, ({ rates, mu }) => {
    const uses = usesAt(rates, bestRate(rates, mu));
    assertAlmostEquals(uses.reduce((sum, use) => sum + use, 0), mu, 1e-9 * mu);
  }));
});

Deno.test("the fastest schedule has the best rate and mu, and sends no two shares over one channel", () => {
  fc.assert(fc.property(cases, ({ rates, mu }) => {
    const channels = rates.map((rate) => ({ address: "", risk: 0, loss: 0, delay: 0, rate }));
    const schedule = fastestSchedule(channels, 1, mu);
    assertAlmostEquals(schedule.reduce((sum, { p }) => sum + p, 0), 1, 1e-9);
    assertAlmostEquals(muOf(schedule), mu, 1e-9);
    assertAlmostEquals(kappa(schedule), 1, 1e-9);
    assertAlmostEquals(rateOf(schedule, channels) / bestRate(rates, mu), 1, 1e-9);
    for (const { channels: used } of schedule) {
      assert(used.length === Math.floor(mu) || used.length === Math.ceil(mu));
      assert(new Set(used).size === used.length);
    }
  }));
});

Deno.test("mu must be from 1 to the number of channels", () => {
  for (const mu of [0.99, 3.01, NaN]) assertThrows(() => bestRate([1, 2, 3], mu), RangeError, "from 1 to 3");
});
