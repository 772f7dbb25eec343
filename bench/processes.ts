/** A clock tick of Linux's process accounting, in seconds: 100 a second on every platform. */
const TICK = 0.01;

/** This process's descendants. */
export function descendants(pid: number = Deno.pid): number[] {
  let children: number[];
  try {
    const tasks = [...Deno.readDirSync(`/proc/${pid}/task`)];
    children = tasks.flatMap(({ name }) => numbers(Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`)));
  } catch {
    return []; // The process has ended.
  }
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** Processor time of processes so far, in seconds; 0 for one that has ended. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    try {
      // The name, in parentheses, may contain anything.
      const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(")").at(-1)!.trim().split(" ");
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // The process has ended.
    }
  }
  return ticks * TICK;
}

/** Resident memory of each process, in bytes; 0 for one that has ended. */
export function residentMemory(pids: readonly number[]): number[] {
  return pids.map((pid) => {
    try {
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]) * 1024;
    } catch {
      return 0; // The process has ended.
    }
  });
}

function numbers(text: string): number[] {
  return text.trim() === "" ? [] : text.trim().split(/\s+/).map(Number);
}
