import { MicssError } from "../errors/errors.ts";
/** The rules can't be put in place, proven or taken away: `what is wrong; what would help`, in one line. */
export class RulesError extends MicssError {}

/** This process may not look at rules, or change them. */
export class NoRight extends RulesError {
  /** Says so. */
  constructor() {
    super("no right to change this machine's rules; run it as root, for example with sudo (CAP_NET_ADMIN)");
  }
}

/** The programs that change rules; those of iptables are several in one, which their first argument chooses. */
export const PROGRAMS = ["nft", "xtables-nft-multi", "xtables-legacy-multi"] as const;

/** One of {@linkcode PROGRAMS}. */
export type Program = typeof PROGRAMS[number];

/** Where distributions keep them. deno.json's task `runtime` permits to run them from there, and nothing else. */
export const DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/bin"] as const;

/** A program to run, with what it reads from standard input. */
export interface Command {
  /** Which. */
  readonly program: Program;
  /** Its arguments, each as it is: there is no shell. */
  readonly args: readonly string[];
  /** What it reads from standard input. Default: nothing. */
  readonly input?: string;
}

/** Runs {@linkcode PROGRAMS}; tests put a record in its place. */
export interface Tools {
  /** Whether the program is on this machine. */
  has(program: Program): boolean;
  /**
   * Runs a command to its end, without a shell.
   *
   * @returns What it wrote to standard output.
   * @throws {RulesError} When it is not there, or fails; the message has what it wrote to standard error.
   */
  run(command: Command): Promise<string>;
}

/** The system's. */
export const systemTools: Tools = {
  has: (program) => find(program) !== undefined,

  async run({ program, args, input = "" }) {
    const path = find(program);
    if (path === undefined) {
      throw new RulesError(`no ${program} in ${DIRECTORIES.join(", ")}; install nftables or iptables`);
    }
    const child = new Deno.Command(path, { args: [...args], stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
    // A program that ends before it has read all has its reasons, which its exit status and standard error tell.
    const fed = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
    const [{ success, stdout, stderr }] = await Promise.all([child.output(), fed]);
    const decoder = new TextDecoder();
    if (!success) throw explain([program, ...args].join(" "), decoder.decode(stderr));
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

function explain(command: string, stderr: string): RulesError {
  if (/not permitted|permission denied|must be root/i.test(stderr)) return new NoRight();
  const lines = stderr.split("\n").map((line) => line.trim()).filter((line) =>
    line !== "" && !/^#|^Warning/.test(line)
  );
  const why = lines[0] ?? "it did not say why";
  return new RulesError(`${command} failed: ${why}; look for what the kernel or the program lacks`);
}
