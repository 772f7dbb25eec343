/**
 * Property tests with {@link https://fast-check.dev | fast-check}: a failure is shrunk to its smallest case, and reported
 * with the seed and path that repeat it.
 *
 * @module
 */

// deno-lint-ignore no-import-prefix -- deno.json would have everyone who runs micss fetch it
import fc from "npm:fast-check@4.11.0";

/** The seed of every run, so that a test that passes once passes always. */
const SEED = 20_260_101;

/** Runs of a property, unless it asks for another number. */
const RUNS = 200;

fc.configureGlobal({ seed: SEED, numRuns: RUNS });

export { fc };

/** Bytes, from a length of `min` to one of `max`. */
export function bytes(min: number, max: number): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  return fc.uint8Array({ minLength: min, maxLength: max }) as fc.Arbitrary<Uint8Array<ArrayBuffer>>;
}

/**
 * Bytes cut into consecutive pieces, some of them empty: views of one array that join to it again.
 *
 * @param max The most places at which to cut.
 */
export function cutsOf(whole: Uint8Array, max = 40): fc.Arbitrary<Uint8Array[]> {
  return fc.array(fc.nat(whole.length), { maxLength: max }).map((places) => {
    const at = places.sort((a, b) => a - b);
    return [0, ...at].map((start, index) => whole.subarray(start, at[index]));
  });
}

/** Plain objects; those of `fc.record` have no prototype, and so equal none that the code makes. */
export function record<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}
