/** A logarithmic axis. */
export interface Scale {
  /** Place of a value, 0 at the lower end and 1 at the upper. */
  at(value: number): number;
  /** Values to label, ascending: 1, 2 and 5 times powers of ten, or powers of ten only if those are many. */
  readonly ticks: readonly number[];
}

/** Maximum number of ticks. */
const MAX_TICKS = 6;

/** Part of the axis that is free at each end. */
const MARGIN = 0.06;

/** Factor below the smallest positive value at which zero is drawn. */
const ZERO = 10;

/** An axis for these values, at least one, none negative. */
export function logScale(values: readonly number[]): Scale {
  const positive = values.filter((value) => value > 0);
  const least = positive.length === 0 ? 1 : Math.min(...positive),
    most = positive.length === 0 ? 1 : Math.max(...positive);
  const floor = values.includes(0) ? least / ZERO : least;
  // A single value is in the middle of its axis.
  const [low, high] = floor === most ? [floor / 2, most * 2] : [floor, most];
  const span = Math.log(high / low);
  const at = (value: number): number => MARGIN + (1 - 2 * MARGIN) * Math.log(Math.max(value, floor) / low) / span;
  return { at, ticks: ticksBetween(low, high) };
}

function ticksBetween(low: number, high: number): number[] {
  const powers: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) powers.push(power);
  const within = (factors: number[]): number[] =>
    powers.flatMap((power) => factors.map((factor) => Number(`${factor}e${power}`)))
      .filter((value) => value >= low * 0.999 && value <= high * 1.001);
  const fine = within([1, 2, 5]);
  if (fine.length <= MAX_TICKS) return fine;
  const coarse = within([1]);
  const step = Math.ceil(coarse.length / MAX_TICKS);
  return coarse.filter((_, at) => at % step === 0);
}
