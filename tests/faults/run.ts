/** Runs a trial: one fault at one phase. */
import { type FaultName, FAULTS } from "./faults.ts";
import { GATES, LATER, LATER_GATES, type Phase } from "./phases.ts";
import type { Session } from "./session.ts";
import type { Shares } from "../../src/association/association_options.ts";
import { Trial } from "./trial.ts";
import { TARGET } from "../support/handlers/handlers_in_memory.ts";

/** Exceeds all time limits, in milliseconds. */
const LONG = 200_000;

/** Outcome of a trial. */
export interface Result {
  /** The application's view. */
  readonly seen: string;
  /** The target's view. */
  readonly target: string;
  /** Lines of level warn or error: handler, event, reason. */
  readonly lines: readonly (readonly [string, string, string])[];
  /** Milliseconds from the fault to the application's outcome. */
  readonly took: number;
  /** Milliseconds until the target had its outcome and the server handler held nothing of the session. */
  readonly tookThere: number;
  /** Outcome of a later application's session. */
  readonly afterwards: string;
}

/**
 * Runs a session with a fault, then another one, and checks that nothing is left.
 *
 * @param shares The client's setting of that name.
 */
export async function run(name: FaultName, phase: Phase, shares: Shares = "full"): Promise<Result> {
  const fault = FAULTS[name];
  const trial = new Trial(shares);
  const begin = () => trial.begin(phase === "replied", "target" in fault ? fault.target : null);
  const { clock } = trial.handlers;

  if (LATER.includes(phase)) {
    const first = trial.begin();
    await trial.until(() => first.seen !== null && first.target !== null, LONG);
    // Until both sides have acknowledged it.
    await trial.until(() => false, 500);
    const gate = LATER_GATES[phase];
    if (gate !== undefined) trial.victims.at(-1)!.stop(gate);
  }
  trial.gate = GATES[phase] ?? null;
  let release = () => {};
  let session: Session;
  if (phase === "connecting") {
    if ("before" in fault) fault.before(trial);
    session = begin();
  } else if (phase === "between sessions") {
    if ("strike" in fault) fault.strike(trial, null);
    await trial.until(() => false, 0);
    session = begin();
  } else {
    let connecting = false;
    if (phase === "OPEN sent") {
      trial.connecting = (host) => {
        if (host !== TARGET.host) return;
        connecting = true;
        return new Promise((resolve) => release = resolve);
      };
    }
    session = begin();
    await trial.until(
      () => phase === "OPEN sent" ? connecting : phase === "replied" ? session.replied : trial.stopped,
      0,
    );
    if ("strike" in fault) fault.strike(trial, session);
    for (const path of trial.victims) path.open();
  }
  const began = clock.now();
  if (phase === "replied") await trial.until(() => false, 0);
  session.goOn();
  await trial.until(() => false, 0);
  release();
  await trial.until(() => session.seen !== null, LONG);
  const took = clock.now() - began;
  await trial.until(() => false, 0);
  await trial.until(() => session.served === (session.target !== null), LONG);
  const tookThere = clock.now() - began;
  const lines = trial.warnings();

  trial.heal();
  const next = trial.begin();
  await trial.until(() => next.seen !== null, LONG);
  const result = {
    ...{ seen: session.seen ?? "nothing", target: session.target ?? "no connection" },
    ...{ lines, took, tookThere, afterwards: next.seen ?? "nothing" },
  };
  await trial.finish();
  return result;
}
