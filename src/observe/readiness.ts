import { MicssError, reasonOf } from "../errors/errors.ts";
import type { Clock } from "../time/clock.ts";

/** How long an answer holds, in milliseconds: a good one longer, because asking makes associations. */
const GOOD_FOR = 10_000, BAD_FOR = 2_000;

/** How long a handler that can serve waits for the checks that have not ended, in milliseconds: probes are impatient. */
const PATIENCE = 500;

/**
 * Effect of a check that fails: `every` check of that kind must pass for a handler to be ready, and at least one of those
 * of kind `any`; one of kind `none` is reported.
 */
export type Need = "every" | "any" | "none";

/** The plain data of a {@linkcode Check}. */
export interface Subject {
  /** What it is about. */
  readonly name: string;
  /** What becomes of readiness where it fails. */
  readonly need: Need;
}

/** Something that new sessions need, or may need. */
export interface Check extends Subject {
  /**
   * Looks whether it is in place.
   *
   * @throws {NotLookedAt} When that can't be told.
   * @throws {Error} When it is not; the message says why.
   */
  run(): void | Promise<void>;
}

/** It can't be told from here whether something is in place: reported; does not affect readiness. */
export class NotLookedAt extends MicssError {}

/** Whether a handler can serve new sessions; each thing by its check's name, with the reason. */
export interface Answer {
  /** Whether it can: nothing is missing. */
  readonly ready: boolean;
  /** What it can't do without. */
  readonly missing: Readonly<Record<string, string>>;
  /** What fails, though the handler can serve. */
  readonly degraded: Readonly<Record<string, string>>;
  /** What can't be told from here, or not yet. */
  readonly unknown: Readonly<Record<string, string>>;
}

/** What came of a check: its error is null where it passes, and undefined while it has not ended. */
type Outcome = Subject & { error: unknown };

/** Tells whether a handler can serve new sessions. It looks when it is asked, and not more often than is good. */
export class Readiness {
  readonly #checks: () => readonly Check[];
  readonly #clock: Clock;
  #ending = false;
  #answer: Promise<Answer> | null = null;
  #last: Answer | null = null;
  #until = 0;
  #looks = 0;

  /**
   * Looks at nothing yet.
   *
   * @param checks What to look at; asked for each time, because a reload may change it.
   */
  constructor(checks: () => readonly Check[], clock: Clock) {
    this.#checks = checks;
    this.#clock = clock;
  }

  /** Whether the handler takes nothing new any more. */
  get ending(): boolean {
    return this.#ending;
  }

  /** The last answer; null before anything was asked. */
  get last(): Answer | null {
    return this.#ending ? ENDING : this.#last;
  }

  /** The handler takes nothing new from now on. */
  end(): void {
    this.#ending = true;
  }

  /** Looks, unless the last answer holds still. */
  async ask(): Promise<Answer> {
    if (this.#ending) return ENDING;
    if (this.#answer === null || this.#clock.now() >= this.#until) {
      this.#until = Infinity;
      this.#answer = this.#look();
    }
    return await this.#answer;
  }

  /** Waits for all checks; where what has passed is enough to serve, not for long. */
  async #look(): Promise<Answer> {
    const look = ++this.#looks;
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
      // The checks that were not waited for.
      if (look === this.#looks) this.#answer = Promise.resolve(this.#last = answerOf(outcomes));
    });
    await Promise.race([all, enough.promise]);
    const answer = this.#last = answerOf(outcomes);
    this.#until = this.#clock.now() + (answer.ready ? GOOD_FOR : BAD_FOR);
    return answer;
  }
}

const ENDING: Answer = { ready: false, missing: { handler: "it is ending" }, degraded: {}, unknown: {} };

async function failureOf(check: Check): Promise<unknown> {
  try {
    await check.run();
    return null;
  } catch (error) {
    return error ?? new Error("it failed");
  }
}

function answerOf(outcomes: readonly Outcome[]): Answer {
  const passes = ({ error }: Outcome) => error === null || error instanceof NotLookedAt;
  const serves = outcomes.some((one) => one.need === "any" && passes(one));
  const missing: Record<string, string> = {}, degraded: typeof missing = {}, unknown: typeof missing = {};
  for (const outcome of outcomes) {
    const { name, need, error } = outcome;
    const needed = need === "every" || need === "any" && !serves;
    if (error instanceof NotLookedAt) unknown[name] = reasonOf(error);
    else if (error === undefined) (needed ? missing : unknown)[name] = "no answer yet";
    else if (error !== null) (needed ? missing : degraded)[name] = reasonOf(error);
  }
  return { ready: Object.keys(missing).length === 0, missing, degraded, unknown };
}
