import { reasonOf } from "../errors/errors.ts";
import { StartError } from "../net/listen/listen.ts";
import type { Output } from "./command.ts";
import type { LoadedConfig } from "../config/load.ts";
import { type Requirements, unmetRequirements } from "../run/preflight.ts";

/** Steps of {@linkcode dryRun}. */
export interface DryRun {
  /** Hosts that the handler needs when it starts. */
  readonly requirements: Requirements;
  /**
   * Does everything that comes before listening.
   *
   * @returns A line for each action of the handler, in the infinitive, without full stops.
   * @throws {UsageError | StartError} When the handler would not start.
   */
  readonly plan: () => Promise<string[]>;
}

/**
 * Prints what a handler would do, and warns of what it would miss, without starting it.
 *
 * @param subject Prefix of messages: "micss server".
 * @returns The exit status: 1 when the handler would not start.
 * @throws {UsageError} When its configuration is wrong.
 */
export async function dryRun(
  subject: string,
  { placeOf }: Pick<LoadedConfig<unknown>, "placeOf">,
  { requirements, plan }: DryRun,
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
  for (const line of await unmetRequirements(requirements, placeOf)) output.err(`${line}\n`);
  output.out(`${subject} would:\n${lines.map((line) => `  ${line}\n`).join("")}Nothing was started.\n`);
  return 0;
}
