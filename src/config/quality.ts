import { textSchema } from "./json_schema.ts";
import { quote } from "./problems.ts";
import type { Syntax } from "./syntax.ts";

const NUMBER = String.raw`\d{1,9}(\.\d{1,12})?`;
const FRACTION = new RegExp(`^${NUMBER}%?$`);

/** A fraction, 0 to 1: `0.01`, `1%`. @param below Excludes 1. */
export function fractionSyntax(below = false): Syntax<number> {
  const range = below ? "0 to below 1, or 0% to below 100%" : "0 to 1, or 0% to 100%";
  return {
    placeholder: "FRACTION",
    means: `a number from ${range}: 0.01, 1%`,
    schema: { type: ["number", "string"], minimum: 0, maximum: 1, pattern: FRACTION.source },
    parse(text) {
      const value = FRACTION.test(text) ? Number(text.replace("%", "")) / (text.endsWith("%") ? 100 : 1) : NaN;
      if (!(value < 1 || (value === 1 && !below))) {
        throw new SyntaxError(`not a fraction: ${quote(text)}; write ${range}`);
      }
      return value;
    },
    format: (value) => value.toFixed(12).replace(/\.?0+$/, ""),
  };
}

/** A rate, in bits per second: `800kbit`, `14.9mbit`, `1gbit`, with decimal prefixes as in tc. */
export const rateSyntax: Syntax<number> = unitSyntax("RATE", "rate", { kbit: 1e3, mbit: 1e6, gbit: 1e9 }, {
  min: 1e3,
  max: 1e12,
}, [
  "800kbit",
  "14.9mbit",
  "1gbit",
]);

/** The delay of a channel, in milliseconds: `300us`, `12ms`, `1.5s`. */
export const delaySyntax: Syntax<number> = unitSyntax("DELAY", "delay", { us: 1e-3, ms: 1, s: 1000 }, {
  min: 0,
  max: 60_000,
}, ["300us", "12ms", "1.5s"]);

/** A number with a unit. */
function unitSyntax(
  placeholder: string,
  kind: string,
  units: Readonly<Record<string, number>>,
  { min, max }: { readonly min: number; readonly max: number },
  examples: readonly string[],
): Syntax<number> {
  const names = Object.keys(units), largest = names.at(-1)!, smallest = names[0]!;
  const format = (value: number): string => {
    const unit = names.findLast((name) => value >= units[name]!) ?? smallest;
    return `${Number((value / units[unit]!).toPrecision(9))}${unit}`;
  };
  const range = `${format(min)} to ${Number((max / units[largest]!).toPrecision(9))}${largest}`;
  return {
    placeholder,
    means: `a ${kind} from ${range}: ${examples.join(", ")}`,
    schema: textSchema(`${NUMBER}(${names.join("|")})`),
    parse(text) {
      const match = new RegExp(`^(${NUMBER})(${names.join("|")})$`).exec(text);
      if (match === null) throw new SyntaxError(`not a ${kind}: ${quote(text)}; write ${examples.join(", ")}`);
      const value = Number(match[1]) * units[match.at(-1)!]!;
      if (value < min || value > max) throw new SyntaxError(`${kind} out of range: ${quote(text)}; write ${range}`);
      return value;
    },
    format,
  };
}
