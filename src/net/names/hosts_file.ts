import { canonicalHost } from "../ip.ts";

/** The largest hosts file that is read, in bytes: lists of blocked names have some megabytes. */
const MAX_BYTES = 32 * 1024 * 1024;

/** Where the system keeps them (hosts(5), nsswitch.conf(5)). */
const HOSTS = "/etc/hosts", NSSWITCH = "/etc/nsswitch.conf";

/**
 * The names in the system's hosts file: the resolver answers for them without asking a name server, so that they need not
 * wait for those that do. Only their presence counts; the addresses, and their order, stay the resolver's.
 */
export class HostsFile {
  readonly #hosts: string;
  readonly #nsswitch: string;
  #names: ReadonlySet<string> = new Set();
  /** The files' state when they were read. */
  #read = "";

  /** Reads nothing before it is asked. */
  constructor(hosts = HOSTS, nsswitch = NSSWITCH) {
    this.#hosts = hosts;
    this.#nsswitch = nsswitch;
  }

  /**
   * The name as the file has it: without the last dot, as each of its names is absolute.
   *
   * @returns Undefined for a name that it does not have, and where the resolver asks name servers first.
   */
  find(name: string): string | undefined {
    const state = [this.#hosts, this.#nsswitch].map(stateOf).join();
    if (state !== this.#read) {
      this.#names = comesFirst(read(this.#nsswitch)) ? namesOf(read(this.#hosts)) : new Set();
      this.#read = state;
    }
    const absolute = canonicalHost(name);
    return this.#names.has(absolute) ? absolute : undefined;
  }
}

function stateOf(path: string): string {
  try {
    const { mtime, size, ino } = Deno.statSync(path);
    return `${mtime?.getTime()} ${size} ${ino}`;
  } catch {
    return "";
  }
}

function read(path: string): string {
  try {
    return Deno.statSync(path).size > MAX_BYTES ? "" : Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** Whether the file is asked before name servers. systemd-resolved (`resolve`) asks it first, too. */
function comesFirst(nsswitch: string): boolean {
  const services = /^[ \t]*hosts:(.*)$/m.exec(nsswitch)?.[1];
  return services === undefined || /\b(files|resolve|dns)\b/.exec(services)?.[1] !== "dns";
}

function namesOf(hosts: string): Set<string> {
  const names = hosts.split("\n").flatMap((line) => line.replace(/#.*/, "").trim().split(/\s+/).slice(1));
  return new Set(names.map((name) => name.toLowerCase()));
}
