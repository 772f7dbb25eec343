/** Installing rules, all or nothing. */
import { assertEquals, assertRejects } from "@std/assert";
import { putRules } from "../../src/rules/mod.ts";
import { type Command, RulesError, type Tools } from "../../src/rules/tools.ts";
import { XtablesBackend } from "../../src/rules/xtables_backend.ts";
import { client, WEB } from "./plans.ts";

Deno.test("rules that ip6tables refuses are also removed from iptables", async () => {
  const { ruleset } = client(`${WEB} --redirect [::]`);
  const commands: string[] = [];
  let saved = "";
  const tools: Tools = {
    has: (program) => program !== "nft" && program !== "ip",
    run({ args, input = "" }: Command) {
      const [name] = args;
      if (name === "iptables-save") return Promise.resolve(saved);
      if (name === "ip6tables-save") return Promise.resolve("");
      commands.push(`${name} ${input.split("\n").filter((line) => /^-[ADFIX]/.test(line)).at(-1)}`);
      if (name === "ip6tables-restore") return Promise.reject(new RulesError("refused"));
      saved = "*nat\n:MICSS_OUTPUT - [0:0]\n-A OUTPUT -p tcp -j MICSS_OUTPUT\nCOMMIT\n";
      return Promise.resolve("");
    },
  };
  await assertRejects(() => putRules(ruleset, new XtablesBackend("iptables-legacy", tools), tools), RulesError);
  assertEquals(commands, [
    "iptables-restore -I OUTPUT 1 -p tcp -j MICSS_OUTPUT",
    "ip6tables-restore -I OUTPUT 1 -p tcp -j MICSS_OUTPUT",
    "iptables-restore -X MICSS_OUTPUT",
  ]);
});
