import { MicssError, reasonOf } from "../errors/errors.ts";
import type { Clock } from "../time/clock.ts";

/** Lifetime of a cached answer, in milliseconds: longer for a good one, because the checks make associations. */
const GOOD_FOR = 10_000, BAD_FOR = 2_000;

/** Maximum wait for slow checks once the others show that the handler can serve, in milliseconds. */
const PATIENCE = 500;

/**
 * Effect of a check on readiness: all checks of kind `every` must pass, and at least one of kind `any`. Failures of kind
 * `none` are reported only.
 */
export type Need = "every" | "any" | "none";

/** The plain data of a {@linkcode Check}. */
export interface CheckInfo {
  /** Name of the subject, such as a server's. */
  readonly name: string;
  /** Its effect on readiness. */
  readonly need: Need;
}

/** A precondition of new sessions. */
export interface Check extends CheckInfo {
  /**
   * Passes by returning.
   *
   * @throws {Inconclusive} If the check can't be made from here.
   * @throws {Error} If it fails; the message says why.
   */
  run(): void | Promise<void>;
}

/** A check that can't be made from here. Reported as unknown; does not affect readiness. */
export class Inconclusive extends MicssError {}

/** A handler's readiness for new sessions. The records hold the reason for each check, by name. */
export interface Answer {
  /** True if nothing is missing. */
  readonly ready: boolean;
  /** Failed checks that keep the handler from serving. */
  readonly missing: Readonly<Record<string, string>>;
  /** Failed checks that the handler can serve without. */
  readonly degraded: Readonly<Record<string, string>>;
  /** Checks that can't be made from here, or have not ended yet. */
  readonly unknown: Readonly<Record<string, string>>;
}

/** A check's result: the error is null if it passed, and undefined while it is running. */
type Outcome = CheckInfo & { error: unknown };

/** Determines whether a handler can serve new sessions, on request, and caches the answer for a few seconds. */
export class Readiness {
  readonly #checks: () => readonly Check[];
  readonly #clock: Clock;
  #ending = false;
  #answer: Promise<Answer> | null = null;
  #last: Answer | null = null;
  #until = 0;
  #runs = 0;

  /**
   * Runs nothing yet.
   *
   * @param checks Returns the current checks, which a reload may change.
   */
  constructor(checks: () => readonly Check[], clock: Clock) {
    this.#checks = checks;
    this.#clock = clock;
  }

  /** True once the handler has stopped taking new sessions. */
  get ending(): boolean {
    return this.#ending;
  }

  /** The last answer; null before the first request. */
  get last(): Answer | null {
    return this.#ending ? ENDING : this.#last;
  }

  /** Makes all further answers "not ready": the handler has stopped taking new sessions. */
  end(): void {
    this.#ending = true;
  }

  /** Returns the cached answer while it is fresh, and otherwise runs the checks. */
  async ask(): Promise<Answer> {
    if (this.#ending) return ENDING;
    if (this.#answer === null || this.#clock.now() >= this.#until) {
      this.#until = Infinity;
      this.#answer = this.#runChecks();
    }
    return await this.#answer;
  }

  /** Waits for all checks, but only briefly once enough have passed to serve. */
  async #runChecks(): Promise<Answer> {
    const run = ++this.#runs;
    const checks = this.#checks();
    const outcomes: Outcome[] = checks.map(({ name, need }) => ({ name, need, error: undefined }));
    const enough = Promise.withResolvers<void>();
    let patient = true;
    const consider = () => {
      if (!patient && answerOf(outcomes).ready) enough.resolve();
    };
    const cancel = this.#clock.after(PATIENCE, () => {
      patient = false;
      consider();
    });
    const all = Promise.all(checks.map(async (check, index) => {
      outcomes[index]!.error = await failureOf(check);
      consider();
    })).then(() => {
      cancel();
      // Includes the checks that the first answer did not wait for.
      if (run === this.#runs) this.#answer = Promise.resolve(this.#last = answerOf(outcomes));
    });
    await Promise.race([all, enough.promise]);
    const answer = this.#last = answerOf(outcomes);
    this.#until = this.#clock.now() + (answer.ready ? GOOD_FOR : BAD_FOR);
    return answer;
  }
}

const ENDING: Answer = { ready: false, missing: { handler: "shutting down" }, degraded: {}, unknown: {} };

async function failureOf(check: Check): Promise<unknown> {
  try {
    await check.run();
    return null;
  } catch (error) {
    return error ?? new Error("failed without a reason");
  }
}

function answerOf(outcomes: readonly Outcome[]): Answer {
  const passes = ({ error }: Outcome) => error === null || error instanceof Inconclusive;
  const serves = outcomes.some((one) => one.need === "any" && passes(one));
  const missing: Record<string, string> = {}, degraded: typeof missing = {}, unknown: typeof missing = {};
  for (const outcome of outcomes) {
    const { name, need, error } = outcome;
    const needed = need === "every" || need === "any" && !serves;
    if (error instanceof Inconclusive) unknown[name] = reasonOf(error);
    else if (error === undefined) (needed ? missing : unknown)[name] = "no answer yet";
    else if (error !== null) (needed ? missing : degraded)[name] = reasonOf(error);
  }
  return { ready: Object.keys(missing).length === 0, missing, degraded, unknown };
}
