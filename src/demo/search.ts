import { expectedOfNoise, longestRun, measure, type Measures } from "./measure.ts";
import { notNoise } from "./noise.ts";
import { type Overheard, xorOf } from "./overhear.ts";
import { LETTER_LENGTH, LINE_BYTES, repeated } from "./text.ts";

/** What was measured of something. */
export interface Measured {
  /** Of what: "tap 1". */
  readonly name: string;
  /** What was found. */
  readonly measures: Measures;
}

/** What a search for the text in what the taps recorded has found. */
export interface Search {
  /** The text itself. */
  readonly text: Measured;
  /** What noise would give. */
  readonly noise: Measured;
  /** Each tap, any all but one of them, and all together last. */
  readonly found: readonly Measured[];
  /** What is not as it should be, in one line; null where all is. */
  readonly fault: string | null;
}

/** Some of the taps. */
interface Combination {
  readonly name: string;
  readonly shares: readonly Uint8Array[];
}

/**
 * Looks for the repeated line in what was recorded of three channels, in each way that someone with two of them has, and
 * with all three.
 *
 * @param others Texts that must not be there either; short.
 * @param signal Gives up.
 */
export async function searchTaps(
  { shares, message }: Overheard,
  others: readonly Uint8Array[],
  signal?: AbortSignal,
): Promise<Search> {
  const found: Measured[] = [];
  let fault: string | null = null;
  for (const { name, shares: some } of fewerThanAll(shares)) {
    // Measuring leaves no time for anything else, but a signal has to get its turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
    signal?.throwIfAborted();
    const bytes = some.length === 1 ? some[0]! : xorOf(some);
    const measures = await measure(bytes, LINE_BYTES);
    found.push({ name, measures });
    const run = Math.max(measures.run, ...others.map((text) => longestRun(bytes, text)));
    const reason = notNoise({ ...measures, run });
    if (reason !== null) fault ??= `what ${name} recorded ${reason}: that is no noise`;
  }
  const all = await measure(message, LINE_BYTES);
  found.push({ name: "all three", measures: all });
  return {
    text: { name: "the text", measures: await measure(repeated(LETTER_LENGTH), LINE_BYTES) },
    noise: { name: "noise would have", measures: expectedOfNoise(message.length, LINE_BYTES.length) },
    found,
    fault,
  };
}

/** Each share, and each two. */
function fewerThanAll(shares: readonly Uint8Array[]): Combination[] {
  const singles = shares.map((share, index) => ({ name: `tap ${index + 1}`, shares: [share] }));
  const pairs = shares.flatMap((a, first) =>
    shares.slice(first + 1).map((b, offset) => ({
      name: `taps ${first + 1} and ${first + 2 + offset}`,
      shares: [a, b],
    }))
  );
  return [...singles, ...pairs];
}
