import { type Choice, isRunnable, type Plan } from "../plan.ts";

/** Maximum number of points of a kind, one per letter. */
const MAX_POINTS = 26;

/** A choice as tables and pictures show it. */
export interface Point {
  /** Name in tables and pictures: a capital letter if today's handlers can run it, otherwise a small one. */
  readonly letter: string;
  /** The choice. */
  readonly choice: Choice;
  /** True if it is the fastest within the user's bounds, of those that today's handlers can run. */
  readonly chosen: boolean;
}

/** The points of a plan, and how many are left out. */
export interface Points {
  /** Choices of today's handlers. */
  readonly sets: readonly Point[];
  /** Choices that need mixtures of sets, or leave a record to a single channel. */
  readonly later: readonly Point[];
  /** Number of choices that are not shown. */
  readonly hidden: number;
}

/** Selects what to show: of more choices than there are letters, those on the frontier. */
export function pointsOf({ sets, thresholds, choice }: Plan): Points {
  const later = thresholds.filter((one) => !isRunnable(one));
  const name = (choices: readonly Choice[], first: string): Point[] =>
    shown(choices, choice).map((one, at) => ({
      letter: String.fromCharCode(first.charCodeAt(0) + at),
      choice: one,
      chosen: choice !== null && one.k === choice.k && one.schedule === choice.schedule,
    }));
  const points = { sets: name(sets, "A"), later: name(later, "a") };
  return { ...points, hidden: sets.length + later.length - points.sets.length - points.later.length };
}

function shown(choices: readonly Choice[], chosen: Choice | null): Choice[] {
  if (choices.length <= MAX_POINTS) return [...choices];
  const first = choices.filter(({ schedule }) => schedule === chosen?.schedule);
  const rest = choices.filter((choice) => choice.frontier && !first.includes(choice));
  const kept = new Set([...first, ...rest].slice(0, MAX_POINTS));
  return choices.filter((choice) => kept.has(choice));
}
