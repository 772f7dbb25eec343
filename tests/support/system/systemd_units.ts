import { run } from "../programs/process.ts";

/** Directory of the units. */
export const UNITS = new URL("../../../deploy/systemd/", import.meta.url).pathname;

/** Reads a unit's settings: every value of each, in order, without comments. */
export async function readUnit(name: string): Promise<Map<string, string[]>> {
  const text = await Deno.readTextFile(`${UNITS}${name}.service`);
  const settings = new Map<string, string[]>();
  for (const [, setting, value] of text.matchAll(/^([A-Za-z]+)=(.*)$/gm)) {
    settings.set(setting!, [...settings.get(setting!) ?? [], value!]);
  }
  return settings;
}

/** Linux's numbers of address families (socket(2)). */
const FAMILIES: Record<string, number> = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 };

const SECCOMP_EXEC = new URL("seccomp_exec.py", import.meta.url).pathname;

/** Command prefix that applies a unit's filter of system calls and address families, as systemd does. */
export async function withinFilter(unit: Map<string, string[]>): Promise<string[]> {
  const groups = await systemCallGroups();
  const allowed = new Set<string>();
  for (const line of unit.get("SystemCallFilter")!) {
    const calls = line.replace("~", "").split(" ").flatMap((name) => expand(name, groups));
    for (const call of calls) line.startsWith("~") ? allowed.delete(call) : allowed.add(call);
  }
  const families = unit.get("RestrictAddressFamilies")!.flatMap((line) => line.split(" ")).map((name) =>
    FAMILIES[name]
  );
  return ["python3", SECCOMP_EXEC, [...allowed].join(), families.join()];
}

/** The members of each group of system calls, per `systemd-analyze`: calls and other groups. */
async function systemCallGroups(): Promise<Map<string, string[]>> {
  const groups = new Map<string, string[]>();
  let group: string[] = [];
  for (const line of (await run(["systemd-analyze", "--no-pager", "syscall-filter"])).text().split("\n")) {
    if (line.startsWith("@")) groups.set(line, group = []);
    else if (/^ +[@a-z]/.test(line)) group.push(line.trim());
  }
  return groups;
}

function expand(name: string, groups: Map<string, string[]>): string[] {
  if (!name.startsWith("@")) return [name];
  return groups.get(name)!.flatMap((member) => expand(member, groups));
}
