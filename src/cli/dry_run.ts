import { reasonOf } from "../errors/errors.ts";
import { StartError } from "../net/listen/listen.ts";
import type { Output } from "./command.ts";
import type { LoadedConfig } from "../config/load.ts";
import { type Requirements, unmetRequirements } from "../run/preflight.ts";

/** What a handler would do; see {@linkcode rehearse}. */
export interface Rehearsal {
  /** What it finds or does not find when it starts. */
  readonly needs: Requirements;
  /**
   * Does all that comes before listening.
   *
   * @returns A line for each thing that the handler would do, without full stops.
   * @throws {UsageError | StartError} When the handler would not start.
   */
  readonly plan: () => Promise<string[]>;
}

/**
 * Says what a handler would do, and what it would lack, and does none of it.
 *
 * @param subject What messages begin with: "micss server".
 * @returns The exit status: 1 when it would not start.
 * @throws {UsageError} When what it is told is wrong.
 */
export async function rehearse(
  subject: string,
  { placeOf }: Pick<LoadedConfig<unknown>, "placeOf">,
  { needs, plan }: Rehearsal,
  output: Output,
): Promise<number> {
  let lines: string[];
  try {
    lines = await plan();
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    output.err(`${subject}: can't start: ${reasonOf(error)}\n`);
    return 1;
  }
  for (const line of await unmetRequirements(needs, placeOf)) output.err(`${line}\n`);
  output.out(`${subject} would\n${lines.map((line) => `  ${line}\n`).join("")}Nothing was started.\n`);
  return 0;
}
