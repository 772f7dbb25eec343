import { MicssError } from "../errors/errors.ts";
import { DIRECTORIES, findProgram, RULES_PROGRAMS, runProgram } from "../net/linux/programs.ts";

/** The rules can't be installed, verified or removed. The message includes the remedy, in one line. */
export class RulesError extends MicssError {}

/** This process may not read or change rules. */
export class NoPermission extends RulesError {
  /** An error with the remedy. */
  constructor() {
    super("not permitted to change this machine's rules; run it as root, for example with sudo (CAP_NET_ADMIN)");
  }
}

/** One of {@linkcode RULES_PROGRAMS}. */
export type Program = typeof RULES_PROGRAMS[number];

/** A program to run. */
export interface Command {
  /** The program. */
  readonly program: Program;
  /** Its arguments, which no shell interprets. */
  readonly args: readonly string[];
  /** Standard input. Default: empty. */
  readonly input?: string;
}

/** Runs {@linkcode RULES_PROGRAMS}; tests record the commands instead. */
export interface Tools {
  /** True if the program is installed. */
  has(program: Program): boolean;
  /**
   * Runs a command to its end, without a shell.
   *
   * @returns Its standard output.
   * @throws {RulesError} If it is missing or fails; the message has the first line of its standard error.
   */
  run(command: Command): Promise<string>;
}

/** The installed programs. */
export const systemTools: Tools = {
  has: (program) => findProgram(program) !== undefined,

  async run({ program, args, input = "" }) {
    const path = findProgram(program);
    if (path === undefined) {
      throw new RulesError(`no ${program} in ${DIRECTORIES.join(", ")}; install nftables or iptables`);
    }
    const { success, stdout, stderr } = await runProgram(path, args, input);
    if (!success) throw toolError([program, ...args].join(" "), stderr);
    return stdout;
  },
};

function toolError(command: string, stderr: string): RulesError {
  if (/not permitted|permission denied|must be root/i.test(stderr)) return new NoPermission();
  const lines = stderr.split("\n").map((line) => line.trim()).filter((line) =>
    line !== "" && !/^#|^Warning/.test(line)
  );
  const why = lines[0] ?? "no reason given";
  return new RulesError(`${command} failed: ${why}; check that the program and the kernel support these rules`);
}
