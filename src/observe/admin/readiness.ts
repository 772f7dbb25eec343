import { reasonOf } from "../../association/association.ts";
import type { Clock } from "../../net/clock.ts";

/** For how long an answer holds, in milliseconds: a good one longer, because asking makes associations. */
const GOOD_FOR = 10_000, BAD_FOR = 2_000;

/** Something that has to be in place for new sessions. */
export interface Check {
  /** What it is about. */
  readonly name: string;
  /**
   * Looks whether it is in place.
   *
   * @throws {NotLookedAt} When that can't be told.
   * @throws {Error} When it is not; the message says why.
   */
  run(): void | Promise<void>;
}

/** Whether something is in place can't be told from here: it is said, and makes nobody unready. */
export class NotLookedAt extends Error {
  /** Tells the class in a stack trace. */
  override name = "NotLookedAt";
}

/** Whether new sessions are welcome, and what they lack. */
export interface Answer {
  /** Whether nothing is missing. */
  readonly ready: boolean;
  /** Why each thing that is missing is, by the check's name. */
  readonly missing: Readonly<Record<string, string>>;
  /** Why each thing can't be looked at that can't, likewise. */
  readonly unknown: Readonly<Record<string, string>>;
}

/** Tells whether a handler can take new sessions. It looks when it is asked, and not more often than is good. */
export class Readiness {
  readonly #checks: () => readonly Check[];
  readonly #clock: Clock;
  #ending = false;
  #answer: Promise<Answer> | null = null;
  #until = 0;

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

  /** The handler takes nothing new from now on. */
  end(): void {
    this.#ending = true;
  }

  /** Looks, unless somebody has just done so. */
  async ask(): Promise<Answer> {
    if (this.#ending) return { ready: false, missing: { handler: "it is ending" }, unknown: {} };
    if (this.#answer === null || this.#clock.now() >= this.#until) {
      this.#until = Infinity;
      this.#answer = this.#look();
    }
    return await this.#answer;
  }

  async #look(): Promise<Answer> {
    const results = await Promise.all(
      this.#checks().map(async ({ name, run }) => {
        try {
          await run();
          return [];
        } catch (error) {
          return [{ name, error }];
        }
      }),
    );
    const those = (whether: boolean) =>
      Object.fromEntries(
        results.flat().filter(({ error }) => error instanceof NotLookedAt === whether)
          .map(({ name, error }) => [name, reasonOf(error)]),
      );
    const missing = those(false), unknown = those(true);
    const ready = Object.keys(missing).length === 0;
    this.#until = this.#clock.now() + (ready ? GOOD_FOR : BAD_FOR);
    return { ready, missing, unknown };
  }
}
