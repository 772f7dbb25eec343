import { run } from "../tests/support/programs/process.ts";

/** The machine and software behind the figures. */
export interface Machine {
  /** The processor's name and number of cores. */
  readonly cpu: string;
  /** The scheduling policy of the measured processes. */
  readonly scheduling: string;
  /** The system's load average over a minute when the bench began. */
  readonly load: number;
  readonly kernel: string;
  /** TCP's congestion control, unless a part says otherwise. */
  readonly congestion: string;
  readonly deno: string;
  /** The commit of the measured source. */
  readonly commit: string;
  /** The date, in UTC. */
  readonly date: string;
}

/** Describes this machine. */
export async function describeMachine(): Promise<Machine> {
  const model = /^model name\s*:\s*(.+)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  const policy = await text(["chrt", "-p", String(Deno.pid)]);
  return {
    cpu: `${navigator.hardwareConcurrency} cores of ${model}`,
    scheduling: /SCHED_(RR|FIFO)/.test(policy) ? "real-time, ahead of other processes" : "like other processes",
    load: Deno.loadavg()[0]!,
    kernel: `Linux ${Deno.osRelease()}`,
    congestion: (await Deno.readTextFile("/proc/sys/net/ipv4/tcp_congestion_control")).trim(),
    deno: Deno.version.deno,
    commit: await text(["git", "rev-parse", "--short=12", "HEAD"]),
    date: new Date().toISOString().slice(0, 16).replace("T", " "),
  };
}

async function text(command: string[]): Promise<string> {
  try {
    return (await run(command, { mayFail: true })).text().trim();
  } catch {
    return "unknown";
  }
}
