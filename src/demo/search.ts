import { pollForEvents } from "../net/fairness.ts";
import { expectedOfNoise, longestRun, measure, type Measures } from "./measure.ts";
import { notNoise } from "./noise.ts";
import { type Overheard, xorOf } from "./overhear.ts";
import { LETTER_LENGTH, LINE_BYTES, repeated } from "./text.ts";

/** Measures of one stream. */
export interface Measured {
  /** Name of the stream, such as "tap 1". */
  readonly name: string;
  /** Its measures. */
  readonly measures: Measures;
}

/** Result of a search for the text in the recordings of the taps. */
export interface Search {
  /** The text itself. */
  readonly text: Measured;
  /** Expected measures of noise. */
  readonly noise: Measured;
  /** Each tap, each pair of taps, and last all together. */
  readonly found: readonly Measured[];
  /** The first unexpected result, in one line; null if there is none. */
  readonly fault: string | null;
}

/** A subset of the taps. */
interface Combination {
  readonly name: string;
  readonly shares: readonly Uint8Array[];
}

/**
 * Searches the recordings of three channels for the repeated line: in each, in each pair, and in all three.
 *
 * @param others Other short texts that must not occur either.
 * @param signal Aborts the search.
 */
export async function searchTaps(
  { shares, message }: Overheard,
  others: readonly Uint8Array[],
  signal?: AbortSignal,
): Promise<Search> {
  const found: Measured[] = [];
  let fault: string | null = null;
  for (const { name, shares: some } of fewerThanAll(shares)) {
    // Measuring blocks the event loop; let signals be handled in between.
    await pollForEvents();
    signal?.throwIfAborted();
    const bytes = some.length === 1 ? some[0]! : xorOf(some);
    const measures = await measure(bytes, LINE_BYTES);
    found.push({ name, measures });
    const run = Math.max(measures.run, ...others.map((text) => longestRun(bytes, text)));
    const reason = notNoise({ ...measures, run });
    if (reason !== null) fault ??= `what ${name} recorded ${reason}: that is not noise`;
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

/** Each share, and each pair. */
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
