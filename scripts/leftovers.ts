/**
 * Ends what a run of the suite started and left: a `deno test` that a signal ends leaves its tests' programs running.
 *
 * @module
 */

/** Maximum number of rounds, and the time between two in milliseconds. */
const ROUNDS = 100, PAUSE = 20;

/**
 * Kills the processes of a session of Linux, and those whose environment has a variable, for those that began a session of
 * their own. Where there is no /proc, does nothing.
 *
 * @param session The id of its first process, which has exited.
 * @param variable `NAME=value`, with a value that no other process has.
 * @returns The names of the processes killed.
 */
export async function endLeftovers(session: number, variable: string): Promise<string[]> {
  const killed = new Map<number, string>();
  // Again, since a process may start another one while the list is read, and takes a moment to exit.
  for (let round = 0; round < ROUNDS; round++) {
    const left = [];
    for (const pid of await processes()) {
      if (pid !== Deno.pid && await belongs(pid, session, variable)) left.push(pid);
    }
    if (left.length === 0) break;
    for (const pid of left) {
      const name = await Deno.readTextFile(`/proc/${pid}/comm`).catch(() => "");
      if (kill(pid)) killed.set(pid, killed.get(pid) ?? name.trim());
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
  return [...killed.values()];
}

/** The ids of all processes. */
async function processes(): Promise<number[]> {
  try {
    const names = await Array.fromAsync(Deno.readDir("/proc"), ({ name }) => name);
    return names.filter((name) => /^\d+$/.test(name)).map(Number);
  } catch {
    return [];
  }
}

async function belongs(pid: number, session: number, variable: string): Promise<boolean> {
  try {
    // The name in parentheses may itself contain any; then the state, the parent, the group and the session.
    const [state, , , of] = (await Deno.readTextFile(`/proc/${pid}/stat`)).replace(/^.*\) /s, "").split(" ");
    if (state === "Z") return false;
    return Number(of) === session || (await Deno.readTextFile(`/proc/${pid}/environ`)).split("\0").includes(variable);
  } catch {
    // It has exited, or belongs to another user.
    return false;
  }
}

function kill(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}
