import { MicssError } from "../errors/errors.ts";

/** The rules can't be installed, verified or removed. The message includes the remedy, in one line. */
export class RulesError extends MicssError {}

/** This process may not read or change rules. */
export class NoPermission extends RulesError {
  /** An error with the remedy. */
  constructor() {
    super("not permitted to change this machine's rules; run it as root, for example with sudo (CAP_NET_ADMIN)");
  }
}

/** The programs that change rules. Those of iptables are multi-call: the first argument chooses the command. */
export const PROGRAMS = ["nft", "xtables-nft-multi", "xtables-legacy-multi"] as const;

/** One of {@linkcode PROGRAMS}. */
export type Program = typeof PROGRAMS[number];

/** Their directories in all distributions. The task `runtime` in deno.json permits these paths and no others. */
export const DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/bin"] as const;

/** A program to run. */
export interface Command {
  /** The program. */
  readonly program: Program;
  /** Its arguments, which no shell interprets. */
  readonly args: readonly string[];
  /** Standard input. Default: empty. */
  readonly input?: string;
}

/** Runs {@linkcode PROGRAMS}; tests record the commands instead. */
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
  has: (program) => find(program) !== undefined,

  async run({ program, args, input = "" }) {
    const path = find(program);
    if (path === undefined) {
      throw new RulesError(`no ${program} in ${DIRECTORIES.join(", ")}; install nftables or iptables`);
    }
    const child = new Deno.Command(path, { args: [...args], stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
    // A program may end before it has read all its input; its exit status and standard error explain why.
    const written = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
    const [{ success, stdout, stderr }] = await Promise.all([child.output(), written]);
    const decoder = new TextDecoder();
    if (!success) throw toolError([program, ...args].join(" "), decoder.decode(stderr));
    return decoder.decode(stdout);
  },
};

function find(program: Program): string | undefined {
  return DIRECTORIES.map((directory) => `${directory}/${program}`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

function toolError(command: string, stderr: string): RulesError {
  if (/not permitted|permission denied|must be root/i.test(stderr)) return new NoPermission();
  const lines = stderr.split("\n").map((line) => line.trim()).filter((line) =>
    line !== "" && !/^#|^Warning/.test(line)
  );
  const why = lines[0] ?? "no reason given";
  return new RulesError(`${command} failed: ${why}; check that the program and the kernel support these rules`);
}
