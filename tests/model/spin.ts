/** Runs models with spin. */
import type { Model, Variant } from "./variants.ts";

/** Result of an exhaustive search. */
export interface Found {
  /** Number of distinct states, up to the first error if any. */
  readonly states: number;
  /** The violated claim in spin's words; null if all claims hold in all states. */
  readonly violated: string | null;
  /** In MB. */
  readonly memory: number;
}

/** Macros that select the size of each model, the small one first. */
export const SIZES: Readonly<Record<Model, Readonly<Record<string, readonly string[]>>>> = {
  // With as many of the adversary's own connections to the server.
  association: { "2 channels": ["N=2", "OWN=4"], "3 channels": ["N=3", "OWN=3"] },
  streams: { "2 bytes up": ["UP=2", "DOWN=1", "QUEUE=2"], "3 bytes up": ["UP=3", "DOWN=2", "QUEUE=3"] },
  rejoin: {
    "2 channels, 2 breaks": ["N=2", "UP=2", "DOWN=2", "BREAKS=2"],
    "3 channels, 3 breaks": ["N=3", "UP=2", "DOWN=2", "BREAKS=3"],
  },
};

/**
 * The macros of a variant's search in the suite: the small size, or one with fewer of the adversary's own connections
 * where that is enough. A counterexample among them is one among more, which need not be used.
 */
export function suiteSize({ model, violates, smallOnly, coveredBy }: Variant): readonly string[] {
  const fewer = model === "association" && !smallOnly && (violates !== null || coveredBy !== undefined);
  return fewer ? ["N=2", "OWN=3"] : Object.values(SIZES[model])[0]!;
}

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

/** Checks whether tcc is installed, which compiles a search in 0.03 s, gcc in 0.7 s or more. */
const hasTcc = (() => {
  try {
    return new Deno.Command("tcc", { args: ["-v"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
})();

/** Binary logarithm of the places in the searches' hash table: enough for millions of states, and for the small sizes. */
const PLACES = 24, FEW_PLACES = 18;

/** Number of states that a search is prepared for. */
export type Extent = "few" | "many" | "most";

/**
 * The compiler's command and the hash table of a search. Few states are found before a compiler has optimized the search,
 * or cleared a hash table of 128 MB. Most don't fit in memory unless compressed; compressing the others takes longer than
 * comparing them. Checking the bounds of arrays takes half the time of many states, whose model is also searched in small.
 */
function preparation(extent: Extent): { compiler: string[]; places: number } {
  if (extent === "most") return { compiler: ["gcc", "-O1", "-DCOLLAPSE"], places: PLACES };
  if (extent === "many") return { compiler: ["gcc", "-Og", "-DNOCOMP", "-DNOBOUNDCHECK"], places: FEW_PLACES };
  return { compiler: [...hasTcc ? ["tcc"] : ["gcc", "-O0"], "-DNOCOMP"], places: FEW_PLACES };
}

/**
 * Searches all states of a model.
 *
 * @param defines Macros that select its size and its variant.
 * @param extent What the search is prepared for; it is complete in any case. Default: "most".
 * @throws {Error} If a program fails, or the search was incomplete.
 */
export async function search(
  model: Model,
  defines: readonly string[],
  extent: Extent = "most",
): Promise<Found> {
  const directory = await Deno.makeTempDir({ prefix: "micss-model-" });
  const { compiler: [compiler, ...flags], places } = preparation(extent);
  try {
    const source = new URL(`${model}.pml`, import.meta.url).pathname;
    await run(directory, "spin", ["-a", ...defines.map((define) => `-D${define}`), source]);
    // The complete state space with full states: no partial order reduction, no hashing, no approximation.
    await run(directory, compiler!, [...flags, "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=2000", "-o", "pan", "pan.c"]);
    const text = await run(directory, `${directory}/pan`, ["-m100000", "-n", `-w${places}`]);
    const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? NaN);
    const found = {
      states: number(/^ *(\d+) states, stored/m),
      violated: /assertion violated (.*) \(at depth/.exec(text)?.[0] ?? null,
      memory: number(/([\d.]+)\t(?:total actual )?memory usage/),
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
