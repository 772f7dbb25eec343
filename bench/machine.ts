import { run } from "../tests/support/programs/process.ts";

/** What the figures were measured on. */
export interface Machine {
  /** The processor's name and how many of its cores there are. */
  readonly cpu: string;
  /** In which way processes got them. */
  readonly scheduling: string;
  /** The other processes that wanted them when the bench began, as the system's load over a minute. */
  readonly load: number;
  readonly kernel: string;
  /** TCP's congestion control, but where a part says otherwise. */
  readonly congestion: string;
  readonly deno: string;
  /** Of the source that was measured. */
  readonly commit: string;
  /** UTC. */
  readonly date: string;
}

/** Describes the machine that this runs on. */
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
