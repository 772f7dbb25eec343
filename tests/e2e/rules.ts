import { micssCommand } from "../support/handlers/handlers.ts";
import type { Topology } from "../support/system/namespaces.ts";
import { type Outcome, run, type RunOptions } from "../support/programs/process.ts";
import type { Need } from "../support/programs/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Requirements of rules in any flavour. */
export const NEEDS: Need[] = ["network namespaces", "nft", "iptables-nft", "iptables-legacy", "curl", "nginx"];

/** All flavours. */
export const FLAVOURS = ["nft", "iptables-nft", "iptables-legacy"] as const;

const TABLES = ["nat", "mangle", "filter", "raw"];

/** Rules and routes of both versions of IP, as `ip` shows them, without those of link-local addresses, which come late. */
export async function allRoutes(where: RunOptions): Promise<string> {
  const words = ["-4 rule", "-6 rule", "-4 route show table all", "-6 route show table all"];
  const script = words.map((line) => `ip ${line}`).join(" && ");
  return (await run(["sh", "-c", script], where)).text().replace(/^.*fe80:.*\n/gm, "");
}

/** Runs `micss rules`. */
export async function rules(where: RunOptions, ...args: string[]): Promise<Outcome> {
  return await run([...await micssCommand(), "rules", ...args], { cwd: ROOT, ...where, mayFail: true });
}

/** Runs `micss rules` and fails if it does. @returns Its standard output. */
export async function mustRules(where: RunOptions, ...args: string[]): Promise<string> {
  const outcome = await rules(where, ...args);
  if (outcome.code !== 0) throw new Error(`micss rules ${args.join(" ")} failed: ${outcome.stderr}`);
  return outcome.text();
}

/** Flags of a client whose server's channels are of both families. */
export function clientFlags({ ipv4, ipv6 }: Topology): string[] {
  const server = `web=${ipv4[0]},[${ipv6[1]}],${ipv4[2]}`;
  return ["--server", server, "--redirect", "[::]:6522"];
}

/**
 * All rules of a namespace, by every tool, without packet counters and times, and without empty tables of the legacy kernel
 * interface, which can't be removed.
 */
export async function allRules(where: RunOptions): Promise<string> {
  const shows = ["iptables-legacy-save", "echo ipv6", "ip6tables-legacy-save", "nft list ruleset"];
  const text = (await run(["sh", "-ec", shows.join("\n")], where)).text();
  return text.replace(/^# (Generated|Completed) .*\n/gm, "").replace(/\[\d+:\d+\]/g, "[]")
    .replace(/^\*\w+\n(:[A-Z]+ ACCEPT \[\]\n)+COMMIT\n/gm, "").replace(/counter packets \d+ bytes \d+/g, "counter");
}

/** Removes all rules of a namespace, whoever made them. */
export async function clear(where: RunOptions): Promise<void> {
  const tables = TABLES.map((table) => `*${table}\nCOMMIT\n`).join("");
  const restores = ["iptables", "ip6tables"].map((family) => `${family}-legacy-restore <<end\n${tables}end\n`);
  // The routes of datagrams as well, if there are any.
  const routes = ["-4", "-6"].map((ip) => `ip ${ip} rule del fwmark 6522; ip ${ip} route flush table 6521000\n`).join(
    "",
  );
  await run(["sh", "-c", `{ ${routes}} 2>/dev/null\nset -e\nnft flush ruleset\n${restores.join("")}`], where);
}

/** The same at the end of a test that shares the namespace with others. */
export function clearing(where: RunOptions): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => clear(where) };
}
