/** Directories of the programs, in all distributions. The task `runtime` in deno.json permits these paths and no others. */
export const DIRECTORIES = ["/usr/sbin", "/sbin", "/usr/bin"] as const;

/** Programs that `micss rules` runs. Those of iptables are multi-call: the first argument chooses the command. */
export const RULES_PROGRAMS = ["nft", "xtables-nft-multi", "xtables-legacy-multi", "ip"] as const;

/** Programs that `micss routes` runs. */
export const ROUTES_PROGRAMS = ["ip"] as const;

/** Outcome of a program. */
export interface ProgramOutcome {
  /** True if it exited with status 0. */
  readonly success: boolean;
  /** Its standard output. */
  readonly stdout: string;
  /** Its standard error. */
  readonly stderr: string;
}

/** All paths that a program may have. */
export function programPaths(program: string): string[] {
  return DIRECTORIES.map((directory) => `${directory}/${program}`);
}

/** Finds a program in {@linkcode DIRECTORIES}; undefined if it is not installed. */
export function findProgram(program: string): string | undefined {
  return programPaths(program).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * Runs a program to its end, without a shell.
 *
 * @param path Its path, from {@linkcode findProgram}.
 * @param input Standard input.
 */
export async function runProgram(path: string, args: readonly string[], input = ""): Promise<ProgramOutcome> {
  // Without input no pipe is needed, which takes as much of a processor as the program itself.
  const stdin = input === "" ? "null" : "piped";
  const child = new Deno.Command(path, { args: [...args], stdin, stdout: "piped", stderr: "piped" }).spawn();
  // A program may end before it has read all its input; its exit status and standard error explain why.
  const written = input === "" ? undefined : new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
  const [{ success, stdout, stderr }] = await Promise.all([child.output(), written]);
  const decoder = new TextDecoder();
  return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
