/** A clock tick of Linux's process accounting, in seconds: 100 a second on every platform. */
const TICK = 0.01;

/** The processes that this one has started, and those that they have. */
export function descendants(pid: number = Deno.pid): number[] {
  let children: number[];
  try {
    const tasks = [...Deno.readDirSync(`/proc/${pid}/task`)];
    children = tasks.flatMap(({ name }) => numbers(Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`)));
  } catch {
    return []; // It has ended.
  }
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** The processor time of processes so far, in seconds; of one that has ended, nothing. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    try {
      // The name, in brackets, may hold anything.
      const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(")").at(-1)!.trim().split(" ");
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It has ended.
    }
  }
  return ticks * TICK;
}

function numbers(text: string): number[] {
  return text.trim() === "" ? [] : text.trim().split(/\s+/).map(Number);
}
