/** One instruction of a Dockerfile, with its continued lines as one. */
export interface Instruction {
  /** In capitals. */
  readonly name: string;
  /** What follows the name and its flags; of the exec form the strings in it. */
  readonly args: readonly string[];
  /** Of `--from=build` the value by `from`, and so on. */
  readonly flags: Readonly<Record<string, string>>;
}

/** The instructions of each stage of a Dockerfile, by the stage's name; the last one's is `final`. */
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
