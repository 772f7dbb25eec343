/** Runs the model with spin. */
import type { Variant } from "./variants.ts";

/** Result of an exhaustive search. */
export interface Found {
  /** Number of distinct states, up to the first error if any. */
  readonly states: number;
  /** The violated claim in spin's words; null if all claims hold in all states. */
  readonly violated: string | null;
  /** In MB. */
  readonly memory: number;
}

const MODEL = new URL("association.pml", import.meta.url).pathname;

/** Checks whether spin and gcc are installed. */
export function canRun(): boolean {
  try {
    return [["spin", "-V"], ["gcc", "--version"]].every(([command, flag]) =>
      new Deno.Command(command!, { args: [flag!], stdout: "null", stderr: "null" }).outputSync().success
    );
  } catch {
    return false;
  }
}

/**
 * Searches all states of the model.
 *
 * @param channels 2, with four of the adversary's own connections to the server, or 3, with three.
 * @throws {Error} If a program fails, or the search was incomplete.
 */
export async function search({ defines }: Variant, channels: 2 | 3): Promise<Found> {
  const directory = await Deno.makeTempDir({ prefix: "micss-model-" });
  try {
    const flags = [`N=${channels}`, `OWN=${channels === 2 ? 4 : 3}`, ...defines].map((define) => `-D${define}`);
    await run(directory, "spin", ["-a", ...flags, MODEL]);
    // The complete state space with full states: no partial order reduction, no hashing, no approximation.
    await run(directory, "gcc", ["-O1", "-DSAFETY", "-DCOLLAPSE", "-DNOREDUCE", "-DMEMLIM=2000", "-o", "pan", "pan.c"]);
    const text = await run(directory, `${directory}/pan`, ["-m10000", "-n"]);
    const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? NaN);
    const found = {
      states: number(/^ *(\d+) states, stored/m),
      violated: /assertion violated (.*) \(at depth/.exec(text)?.[0] ?? null,
      memory: number(/([\d.]+)\ttotal actual memory usage/),
    };
    const complete = !/max search depth too small|Search not completed|out of memory/.test(text);
    const errors = number(/errors: (\d+)/);
    if (found.violated === null && (!complete || errors !== 0) || Number.isNaN(found.states)) throw new Error(text);
    return found;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function run(cwd: string, command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { cwd, args }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (!success && !text.includes("errors: ")) throw new Error(`${command} ${args.join(" ")}: ${text}`);
  return text;
}
