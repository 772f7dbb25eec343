import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Channel } from "../../src/plan/channel.ts";
import { dominates, frontier } from "../../src/plan/frontier.ts";
import { isRunnable, plan } from "../../src/plan/plan.ts";
import { choose, meets } from "../../src/plan/wish.ts";
import { fc } from "../support/random/property.ts";

const CHANNELS: readonly Channel[] = [
  { address: "a", risk: 0.1, loss: 0.01, delay: 5, rate: 100 },
  { address: "b", risk: 0.2, loss: 0.02, delay: 10, rate: 60 },
  { address: "c", risk: 0.3, loss: 0.05, delay: 30, rate: 20 },
];

const part = fc.integer({ min: 0, max: 9 }).map((tenths) => tenths / 10);
const channels = fc.array(
  fc.record({
    address: fc.constant("x"),
    risk: part,
    loss: part,
    delay: fc.integer({ min: 0, max: 5 }),
    rate: fc.integer({ min: 1, max: 5 }),
  }),
  { minLength: 2, maxLength: 5 },
);

Deno.test("three channels give what was computed for them independently", () => {
  const { thresholds } = plan("web", CHANNELS, { risk: 1 });
  const of = (k: number, m: number) => thresholds.find((one) => one.k === k && one.m === m)!;
  for (
    const [k, m, rate, risk, loss] of [
      [3, 3, 20, 0.006, 0.07831],
      [2, 3, 20, 0.098, 0.00168],
      [2, 2, 80, 0.0225, 0.037225],
    ] as const
  ) {
    assertAlmostEquals(of(k, m).rate, rate, 1e-9);
    assertAlmostEquals(of(k, m).risk, risk, 1e-9);
    assertAlmostEquals(of(k, m).loss, loss, 1e-9);
  }
  assertEquals(of(3, 3).delay, 30);
});

Deno.test("the frontier is what comparing all pairs leaves", () => {
  fc.assert(fc.property(channels, (channels) => {
    for (const choices of [plan("x", channels, { risk: 1 }).sets, plan("x", channels, { risk: 1 }).thresholds]) {
      const kept = choices.filter((one) => !choices.some((other) => dominates(other, one)));
      assertEquals(choices.filter(({ frontier }) => frontier), kept);
      assertEquals(frontier(choices), kept);
      assert(kept.length > 0);
    }
  }));
});

Deno.test("the chosen set is the fastest of all within the wish, by brute force", () => {
  fc.assert(fc.property(channels, part, part, (channels, risk, loss) => {
    const { sets, choice } = plan("x", channels, { risk, loss });
    const within = sets.filter((one) => one.risk <= risk + 1e-12 && one.loss <= loss + 1e-12);
    assertEquals(choice === null, within.length === 0);
    if (choice === null) return;
    assert(isRunnable(choice));
    assertEquals(choice.rate, Math.max(...within.map(({ rate }) => rate)));
    const fastest = within.filter(({ rate }) => rate === choice.rate);
    assertAlmostEquals(choice.risk, Math.min(...fastest.map(({ risk }) => risk)), 1e-9);
  }));
});

Deno.test("sets are all sets of two channels or more, with each threshold, and their rate is that of the slowest channel", () => {
  const { sets } = plan("web", CHANNELS, { risk: 1 });
  assertEquals(sets.map(({ k, schedule }) => [k, schedule[0]!.channels]), [
    [3, [0, 1, 2]],
    [2, [0, 1]],
    [2, [0, 2]],
    [2, [1, 2]],
    [2, [0, 1, 2]],
  ]);
  assertEquals(sets.map(({ rate }) => rate), [20, 60, 20, 20, 20]);
  assertEquals(sets.slice(0, 4).map(({ delay }) => delay), [30, 10, 30, 30]);
  assert(sets.every(isRunnable));
});

Deno.test("handlers can run one set with a threshold of at least 2; neither a single share nor a mixture", () => {
  const { thresholds } = plan("web", CHANNELS, { risk: 1 });
  const runnable = thresholds.filter(isRunnable).map(({ k, m }) => [k, m]);
  assertEquals(runnable, [[2, 3], [3, 3]]);
});

Deno.test("with short shares, m channels that are all needed carry m times as much; risk, loss and delay are the same", () => {
  const full = plan("web", CHANNELS, { risk: 1 }), short = plan("web", CHANNELS, { risk: 1 }, "short");
  assertEquals([full.shares, short.shares], ["full", "short"]);
  assertEquals(short.sets.map(({ k, m, rate }) => [k, m, rate]), [
    [3, 3, 60],
    [2, 2, 120],
    [2, 2, 40],
    [2, 2, 40],
    [2, 3, 20],
  ]);
  for (const kind of ["sets", "thresholds"] as const) {
    for (const [at, { k, m, rate, ...rest }] of short[kind].entries()) {
      const { rate: before, ...same } = full[kind][at]!;
      assertEquals([rate, { k, m, ...rest, frontier: same.frontier }], [k === m ? m * before : before, same]);
    }
  }
  // Two fast channels are faster than all three, and the wish for a rate is met.
  const { choice } = plan("web", CHANNELS, { risk: 1, rate: 100 }, "short");
  assertEquals([choice!.m, choice!.rate], [2, 120]);
});

Deno.test("each bound of a wish rules out, and equality is within", () => {
  const of = { risk: 0.1, rate: 10, loss: 0.2, delay: 5 };
  assert(meets(of, { risk: 0.1, rate: 10, loss: 0.2, delay: 5 }));
  for (const wish of [{ risk: 0.09 }, { risk: 1, rate: 11 }, { risk: 1, loss: 0.19 }, { risk: 1, delay: 4 }]) {
    assert(!meets(of, wish), JSON.stringify(wish));
    assertEquals(choose([of], wish), undefined);
  }
});

Deno.test("of twelve channels the frontier of their sets is kept, with the chosen one", () => {
  const many = Array.from({ length: 12 }, (_, at) => ({
    address: `${at}`,
    risk: 0.05 + 0.9 * (at * 7 % 12) / 12,
    loss: 0.001 * (1 + at * 5 % 12),
    delay: 1 + at * 11 % 12,
    rate: 10 + 3 * at,
  }));
  const { sets, thresholds, choice } = plan("x", many, { risk: 0.01 });
  assert(sets.length < 20_481 && sets.every(({ frontier }) => frontier));
  assertEquals(thresholds.length, 78);
  assert(sets.some(({ schedule }) => schedule[0]!.channels.join() === choice!.schedule[0]!.channels.join()));
});
