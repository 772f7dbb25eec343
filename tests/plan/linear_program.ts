// deno-lint-ignore no-import-prefix -- deno.json would have everyone who runs micss fetch it
import { type Constraint, solve } from "npm:yalps@0.6.4";

/** Places of the channels in each set of `n` channels that is not empty. */
export function subsets(n: number): number[][] {
  return Array.from({ length: 2 ** n - 1 }, (_, at) => [...Array(n).keys()].filter((bit) => (at + 1) >> bit & 1));
}

/**
 * The best rate of schedules with `mu` shares per record on average, as a linear program: its variables are the rates at
 * which records are sent over each set of channels.
 */
export function bestRateByProgram(rates: readonly number[], mu: number): number {
  const sets = subsets(rates.length);
  const constraints: Record<string, Constraint> = { mu: { equal: 0 } };
  for (const [at, rate] of rates.entries()) constraints[`channel ${at}`] = { max: rate };
  const variables = Object.fromEntries(sets.map((set) => {
    const uses = Object.fromEntries(set.map((at) => [`channel ${at}`, 1]));
    return [set.join(), { rate: 1, mu: set.length - mu, ...uses }];
  }));
  const solution = solve({ direction: "maximize", objective: "rate", constraints, variables });
  if (solution.status !== "optimal") throw new Error(`the program is ${solution.status}`);
  return solution.result;
}
