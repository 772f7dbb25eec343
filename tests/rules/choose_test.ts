import { assertEquals, assertRejects } from "@std/assert";
import type { Flavour } from "../../src/config/rules.ts";
import { availableBackends, chooseBackend, NoPermission, RulesError } from "../../src/rules/mod.ts";
import { type Command, type Program, systemTools, type Tools } from "../../src/rules/tools.ts";
import { programPaths, ROUTES_PROGRAMS, RULES_PROGRAMS } from "../../src/net/linux/programs.ts";
import { client, WEB } from "./plans.ts";

const RULESET = client(`${WEB} --redirect [::]`).ruleset;

/** Installed programs with their output and failing commands. */
function tools(machine: Partial<Record<Program, { saved?: string; tables?: string; fails?: RegExp }>>): Tools {
  return {
    has: (program) => machine[program] !== undefined,
    run({ program, args }: Command) {
      const { saved = "", tables = "", fails } = machine[program] ?? { fails: /./ };
      if (fails?.test(args.join(" "))) return Promise.reject(new RulesError(`${program} fails`));
      if (args.at(-1)?.endsWith("-save")) return Promise.resolve(saved);
      return Promise.resolve(args.includes("tables") ? tables : "");
    },
  };
}

async function chosen(machine: Parameters<typeof tools>[0], flavour: Flavour | "auto" = "auto"): Promise<string> {
  return (await chooseBackend(availableBackends(tools(machine), ["ipv4", "ipv6"]), flavour, RULESET)).backend.flavour;
}

const THEIRS = "*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p udp -j RETURN\nCOMMIT\n";
const OURS = "*nat\n:OUTPUT ACCEPT [0:0]\n:MICSS_OUTPUT - [0:0]\n-A OUTPUT -p tcp -j MICSS_OUTPUT\nCOMMIT\n";
const ALL = { "nft": {}, "xtables-nft-multi": {}, "xtables-legacy-multi": {} };

Deno.test("nftables come first, then the flavour of iptables with rules, then the first that works", async () => {
  assertEquals(await chosen(ALL), "nft");
  assertEquals(await chosen({ ...ALL, nft: { fails: /--check/ } }), "iptables-nft");
  assertEquals(
    await chosen({ ...ALL, nft: { fails: /./ }, "xtables-legacy-multi": { saved: THEIRS } }),
    "iptables-legacy",
  );
  assertEquals(await chosen({ "xtables-nft-multi": { fails: /./ }, "xtables-legacy-multi": {} }), "iptables-legacy");
});

Deno.test("a given flavour is used, or none", async () => {
  assertEquals(await chosen(ALL, "iptables-legacy"), "iptables-legacy");
  await assertRejects(() => chosen({ nft: {} }, "iptables-nft"), RulesError, "iptables-nft not found");
  await assertRejects(() => chosen({ ...ALL, nft: { fails: /--check/ } }, "nft"), RulesError, "nft fails");
});

Deno.test("rules already in place keep their flavour", async () => {
  assertEquals(await chosen({ ...ALL, "xtables-legacy-multi": { saved: OURS } }), "iptables-legacy");
  assertEquals(await chosen({ ...ALL, nft: { tables: "table inet micss\n" } }), "nft");
  await assertRejects(
    () => chosen({ ...ALL, "xtables-legacy-multi": { saved: OURS } }, "nft"),
    RulesError,
    "rules are already in place with iptables-legacy; run micss rules remove --flavour iptables-legacy first",
  );
});

Deno.test("the error is the first backend's if all fail, and names the packages on a machine without tools", async () => {
  await assertRejects(
    () => chosen({ nft: { fails: /./ }, "xtables-nft-multi": { fails: /./ } }),
    RulesError,
    "nft fails",
  );
  await assertRejects(() => chosen({}), RulesError, "install nftables or iptables");
});

Deno.test("micss may run the tools from the distributions' directories and nothing else", async () => {
  const { default: project } = await import("../../deno.json", { with: { type: "json" } });
  const allowed = /--allow-run=(\S+)/.exec(project.tasks.runtime.command)?.[1]?.split(",");
  const wanted = [...new Set([...RULES_PROGRAMS, ...ROUTES_PROGRAMS])].flatMap(programPaths);
  assertEquals(allowed?.toSorted(), wanted.toSorted());
});

Deno.test(
  { name: "a program's failure is one line, and a lack of rights is known", ignore: !systemTools.has("nft") },
  async () => {
    const failing = systemTools.run({ program: "nft", args: ["--check", "-f", "-"], input: "nonsense\nnonsense\n" });
    const error = await failing.then(() => undefined, (error) => error);
    assertEquals(error instanceof RulesError && !error.message.includes("\n"), true);
    assertEquals(error instanceof NoPermission, false);
  },
);
