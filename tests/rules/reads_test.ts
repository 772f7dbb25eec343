/** Commands read each tool's rules once, and act on what they read. */
import { assertEquals } from "@std/assert";
import { availableBackends, chooseBackend, putRules, removeRules } from "../../src/rules/mod.ts";
import type { Command, Tools } from "../../src/rules/tools.ts";
import { client, WEB } from "./plans.ts";

const RULESET = client(`${WEB} --redirect [::]`).ruleset;

const OURS = "*nat\n:OUTPUT ACCEPT [0:0]\n:MICSS_OUTPUT - [0:0]\n-A OUTPUT -p tcp -j MICSS_OUTPUT\nCOMMIT\n";

/** A machine with all tools, which records what they are asked. @param saved Rules of iptables-legacy. */
function machine(saved: string): { tools: Tools; commands: string[] } {
  const commands: string[] = [];
  const run = ({ program, args }: Command) => {
    const words = args.filter((arg) => !/^(-|5$)/.test(arg) || ["-4", "-6", "--test"].includes(arg));
    commands.push([program, ...words].join(" "));
    const isOurs = program === "xtables-legacy-multi" && args[0]!.endsWith("-save");
    return Promise.resolve(isOurs ? saved : program === "ip" ? "[]\n[]\n" : "");
  };
  return { tools: { has: () => true, run }, commands };
}

const READS = [
  "nft list tables",
  ...["nft", "legacy"].flatMap((flavour) =>
    ["iptables", "ip6tables"].map((name) => `xtables-${flavour}-multi ${name}-save`)
  ),
];
const ROUTES = ["ip -4", "ip -6"];

Deno.test("rules are applied after one look at each tool", async () => {
  const put = async (flavour: "nft" | "iptables-nft", saved = "") => {
    const { tools, commands } = machine(saved);
    const { backend, rules } = await chooseBackend(availableBackends(tools), flavour, RULESET);
    await putRules(RULESET, backend, tools, rules);
    return commands;
  };
  assertEquals(await put("nft"), [...READS, "nft", ...ROUTES, "nft"]);
  const restore = (...words: string[]) =>
    ["iptables", "ip6tables"].map((name) => ["xtables-nft-multi", `${name}-restore`, ...words].join(" "));
  assertEquals(await put("iptables-nft"), [...READS, ...restore("--test"), ...ROUTES, ...restore()]);
});

Deno.test("rules are removed after one look at each tool, for both sides", async () => {
  const remove = async (flavour: "auto" | "nft", saved: string) => {
    const { tools, commands } = machine(saved), removed: string[] = [];
    await removeRules(["client", "server"], flavour, tools, (...words) => removed.push(words.join(" ")));
    return { commands, removed };
  };
  assertEquals(await remove("auto", ""), { commands: [...READS, ...ROUTES], removed: [] });
  assertEquals(await remove("auto", OURS), {
    commands: [
      ...READS,
      "xtables-legacy-multi iptables-restore",
      "xtables-legacy-multi ip6tables-restore",
      ...ROUTES,
    ],
    removed: ["client iptables-legacy"],
  });
  // Another flavour's rules need the route, which stays.
  assertEquals(await remove("nft", OURS), { commands: READS, removed: [] });
});
