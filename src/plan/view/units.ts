/** Formats a probability with two significant digits: "0 %", "0.60 %", "12 %". */
export function percent(part: number): string {
  const value = part * 100;
  if (value === 0) return "0 %";
  return `${value < 0.001 ? value.toExponential(1) : plain(value, 2)} %`;
}

/** Formats a rate in Mbit/s with three significant digits. */
export function megabits(bitsPerSecond: number): string {
  return plain(bitsPerSecond / 1e6, 3);
}

/** Formats milliseconds with three significant digits. */
export function milliseconds(ms: number): string {
  return plain(ms, 3);
}

/** Formats a number with at least `digits` significant digits and no exponent. */
function plain(value: number, digits: number): string {
  const whole = Math.floor(Math.log10(Math.max(Math.abs(value), 1e-9))) + 1;
  return value === 0 ? "0" : value.toFixed(Math.min(9, Math.max(0, digits - whole)));
}
