/**
 * The part of `@std/assert` that the project uses, over `node:assert`'s comparison, for networks that don't reach jsr.io.
 *
 * Differs from `@std/assert` in one point: `assertEquals` distinguishes an object without a prototype from one with
 * `Object`'s, and 0 from -0.
 *
 * @module
 */

import nodeAssert from "node:assert/strict";
import { inspect, isDeepStrictEqual } from "node:util";

// deno-lint-ignore no-explicit-any
type Constructor<T> = abstract new (...args: any[]) => T;

/** Thrown by a failed assertion. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Throws an {@linkcode AssertionError}. */
export function fail(msg?: string): never {
  throw new AssertionError(`Failed assertion${ending(msg)}`);
}

/** Asserts that `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Asserts that two values are deeply equal, prototypes included; shows the difference. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  // node:assert's comparison is slow on long byte arrays; its message is needed only on failure.
  if (isDeepStrictEqual(actual, expected)) return;
  throw new AssertionError(`Values are not equal${ending(msg)}\n${difference(actual, expected)}`);
}

/** Asserts that two values are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!isDeepStrictEqual(actual, expected)) return;
  throw new AssertionError(`Expected actual: ${inspect(actual)} not to be: ${inspect(expected)}${ending(msg)}`);
}

/** Asserts that `Object.is(actual, expected)`. */
export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T {
  if (Object.is(actual, expected)) return;
  throw new AssertionError(`Values are not strictly equal${ending(msg)}\n${difference(actual, expected)}`);
}

/** Asserts that a value is neither `null` nor `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  if (actual !== undefined && actual !== null) return;
  throw new AssertionError(`Expected actual: "${actual}" to not be null or undefined${ending(msg)}`);
}

/** Asserts that a value is an instance of a class. */
export function assertInstanceOf<T extends Constructor<unknown>>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  if (actual instanceof expectedType) return;
  const found = inspect(actual, { depth: 0 });
  throw new AssertionError(`Expected ${found} to be an instance of "${expectedType.name}"${ending(msg)}`);
}

/** Asserts that a string matches an expression. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(`Expected actual: "${actual}" to match: "${expected}"${ending(msg)}`);
}

/** Asserts that a string contains another. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(`Expected actual: "${actual}" to contain: "${expected}"${ending(msg)}`);
}

/** Asserts `actual > expected`. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) throw new AssertionError(msg ?? `Expect ${inspect(actual)} > ${inspect(expected)}`);
}

/** Asserts `actual >= expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) throw new AssertionError(msg ?? `Expect ${inspect(actual)} >= ${inspect(expected)}`);
}

/** Asserts `actual < expected`. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) throw new AssertionError(msg ?? `Expect ${inspect(actual)} < ${inspect(expected)}`);
}

/** Asserts `actual <= expected`. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) throw new AssertionError(msg ?? `Expect ${inspect(actual)} <= ${inspect(expected)}`);
}

/** Asserts that two numbers are within `tolerance` of each other, by default 1e-7 of the expected one. */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ?? (isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (Math.abs(expected - actual) <= allowed) return;
  throw new AssertionError(`Expected actual: "${actual}" to be within ${allowed} of "${expected}"${ending(msg)}`);
}

/**
 * Asserts that `fn` throws, optionally an instance of a class whose message includes a text.
 *
 * @returns The error.
 */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Asserts that `fn` throws an instance of a class. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(fn: () => unknown, ...wanted: Wanted): unknown {
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
    return assertWanted(thrown, wanted);
  }
  throw new AssertionError(`Expected function to throw${ending(ownMessage(wanted))}`);
}

/**
 * Asserts that `fn` returns a promise that rejects, as {@linkcode assertThrows} does for errors. A `fn` that throws
 * synchronously fails the assertion.
 *
 * @returns The reason of the rejection.
 */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Asserts a rejection with an instance of a class. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Constructor<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(fn: () => PromiseLike<unknown>, ...wanted: Wanted): Promise<unknown> {
  const suffix = ending(ownMessage(wanted));
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch {
    throw new AssertionError(`Function throws when expected to reject${suffix}`);
  }
  try {
    await promise;
  } catch (error) {
    return assertWanted(error, wanted);
  }
  throw new AssertionError(`Expected function to reject${suffix}`);
}

/** The arguments after the function: `[msg]` or `[ErrorClass, msgIncludes, msg]`. */
type Wanted = [(Constructor<Error> | string)?, string?, string?];

function ownMessage([first, , last]: Wanted): string | undefined {
  return typeof first === "string" ? first : last;
}

function assertWanted(error: unknown, wanted: Wanted): unknown {
  const [ErrorClass, includes] = wanted;
  if (ErrorClass === undefined || typeof ErrorClass === "string") return error;
  const suffix = ending(ownMessage(wanted));
  if (!(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${ErrorClass.name}", but was ${inspect(error)}${suffix}`,
    );
  }
  if (includes !== undefined && !error.message.includes(includes)) {
    throw new AssertionError(
      `Expected error message to include ${inspect(includes)}, but got ${inspect(error.message)}${suffix}`,
    );
  }
  return error;
}

function ending(msg: string | undefined): string {
  return msg ? `: ${msg}` : ".";
}

/** node:assert's description of a difference. */
function difference(actual: unknown, expected: unknown): string {
  try {
    nodeAssert.deepStrictEqual(actual, expected);
  } catch (error) {
    return (error as Error).message;
  }
  return `${inspect(actual)} and ${inspect(expected)} are not the same object`;
}
