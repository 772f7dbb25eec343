import type { Option } from "../config/schema.ts";
import { StateError } from "../state/state_error.ts";
import type { Output } from "./command.ts";

/** The option `--state` with its default spelt out. */
export function withDefaultState(option: Option): Option {
  return {
    ...option,
    doc:
      "State directory; default $STATE_DIRECTORY, $XDG_STATE_HOME/micss, or if those are unset /var/lib/micss for root " +
      "and ~/.local/state/micss for others",
  };
}

/** Prints an error of the state directory in one line. @returns The exit status. @throws Any other error. */
export function reportStateError(subject: string, error: unknown, output: Output): number {
  if (!(error instanceof StateError)) throw error;
  const { path, message, hint } = error;
  output.err(`${subject}: ${path}: ${message}${hint === undefined ? "" : `; ${hint}`}\n`);
  return 1;
}
