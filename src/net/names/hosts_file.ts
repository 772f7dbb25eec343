import { canonicalHost } from "../ip.ts";

/** Maximum size of the hosts file, in bytes: lists of blocked names have some megabytes. */
const MAX_BYTES = 32 * 1024 * 1024;

/** System files (hosts(5), nsswitch.conf(5)). */
const HOSTS = "/etc/hosts", NSSWITCH = "/etc/nsswitch.conf";

/**
 * The names in the system's hosts file. The resolver answers these without a name server, so they need not queue behind
 * names that require one. Only a name's presence counts; its addresses and their order come from the resolver.
 */
export class HostsFile {
  readonly #hosts: string;
  readonly #nsswitch: string;
  #names: ReadonlySet<string> = new Set();
  /** State of both files when they were last read. */
  #readState = "";

  /** Reads nothing before the first {@linkcode HostsFile.find}. */
  constructor(hosts = HOSTS, nsswitch = NSSWITCH) {
    this.#hosts = hosts;
    this.#nsswitch = nsswitch;
  }

  /**
   * Finds a name, and returns it without a trailing dot, as all names of the file are absolute.
   *
   * @returns undefined if the file lacks the name, or the resolver asks name servers first.
   */
  find(name: string): string | undefined {
    const state = [this.#hosts, this.#nsswitch].map(stateOf).join();
    if (state !== this.#readState) {
      this.#names = comesFirst(read(this.#nsswitch)) ? namesOf(read(this.#hosts)) : new Set();
      this.#readState = state;
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

/** Reports whether the resolver consults the hosts file before name servers. systemd-resolved (`resolve`) does so itself. */
function comesFirst(nsswitch: string): boolean {
  const services = /^[ \t]*hosts:(.*)$/m.exec(nsswitch)?.[1];
  return services === undefined || /\b(files|resolve|dns)\b/.exec(services)?.[1] !== "dns";
}

function namesOf(hosts: string): Set<string> {
  const names = hosts.split("\n").flatMap((line) => line.replace(/#.*/, "").trim().split(/\s+/).slice(1));
  return new Set(names.map((name) => name.toLowerCase()));
}
