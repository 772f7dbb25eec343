/** One instruction of a Dockerfile, continued lines joined. */
export interface Instruction {
  /** Upper case. */
  readonly name: string;
  /** Arguments after the flags; of the exec form, its strings. */
  readonly args: readonly string[];
  /** Flags by name: `--from=build` is `build` by `from`. */
  readonly flags: Readonly<Record<string, string>>;
}

/** Parses a Dockerfile into each stage's instructions, by the stage's name; the last stage is `final`. */
export function parseDockerfile(text: string): Map<string, Instruction[]> {
  const lines = text.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n/g, " ").split("\n").filter((line) =>
    line.trim() !== ""
  );
  const stages = new Map<string, Instruction[]>();
  let stage: Instruction[] = [];
  for (const line of lines) {
    const instruction = parse(line);
    if (instruction.name === "FROM") stages.set(instruction.args[2] ?? "final", stage = []);
    stage.push(instruction);
  }
  return stages;
}

function parse(line: string): Instruction {
  const [, name, given, rest] = /^(\w+)((?: +--\S+)*) +(.*)$/.exec(line)!;
  const flags = Object.fromEntries([...given!.matchAll(/--([\w-]+)=(\S+)/g)].map(([, flag, value]) => [flag, value]));
  const list = /\[.*\]$/.exec(rest!)?.[0];
  return { name: name!, flags, args: list === undefined ? rest!.trim().split(/\s+/) : JSON.parse(list) };
}
