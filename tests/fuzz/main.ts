/**
 * The task `fuzz`: a million inputs for every parser, or as its arguments say. Guided by V8's own coverage: inputs that
 * reach new code are mutated further. Each parser has its own process.
 *
 * ```text
 * deno task fuzz [--inputs NUMBER] [--seed NUMBER] [PART OF A NAME]...
 * ```
 *
 * @module
 */
import { parseArgs } from "@std/cli";
import { stdFlags, testFlags } from "../../scripts/std.ts";
import { Coverage } from "./coverage.ts";
import { fuzz, type Report } from "./fuzz.ts";
import { TARGETS } from "./targets.ts";

const { inputs, seed, only, _: names } = parseArgs(Deno.args, {
  string: ["inputs", "seed", "only", "_"],
  default: { inputs: "1000000", seed: "1" },
});

if (only !== undefined) {
  using coverage = await Coverage.start();
  const target = TARGETS.find(({ name }) => name === only)!;
  console.log(JSON.stringify(await fuzz(target, { inputs: Number(inputs), seed: Number(seed), coverage })));
} else {
  const left = TARGETS.map(({ name }) => name).filter((name) =>
    names.length === 0 || names.some((part) => name.includes(String(part)))
  );
  const began = performance.now();
  const counts = { parsers: 0, inputs: 0, failed: 0 };
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const { success, stdout } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          ...testFlags(await stdFlags()),
          import.meta.filename!,
          "--only",
          name,
          "--inputs",
          inputs,
          "--seed",
          seed,
        ],
        cwd: new URL("../..", import.meta.url),
        stderr: "inherit",
      }).output();
      counts.parsers++;
      if (!success) counts.failed++;
      else counts.inputs += show(JSON.parse(new TextDecoder().decode(stdout)));
    }
  };
  await Promise.all(Array.from({ length: navigator.hardwareConcurrency }, work));
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(`${counts.parsers} parsers, ${counts.inputs} inputs in ${seconds} s, ${counts.failed} failed`);
  if (counts.failed > 0) Deno.exit(1);
}

/** Prints a report. @returns Its number of inputs. */
function show({ name, inputs, seconds, taken, led }: Report): number {
  const share = (100 * taken / inputs).toFixed(1);
  const speed = Math.round(inputs / seconds);
  console.log(`${name}: ${inputs} inputs, ${speed} a second, ${share} % taken, ${led} led further`);
  return inputs;
}
