/** The guide's examples: their output, and that they show each way. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseClientRules } from "../../src/cli/rules_args.ts";
import { DatagramCounts, droppedOf } from "../../src/datagrams/counts.ts";
import { REFUSAL_REASONS } from "../../src/observe/activity.ts";
import { collect } from "../../src/observe/collect.ts";
import { CHANNEL_STATES } from "../../src/observe/sampler.ts";
import { clientRulesPlan } from "../../src/rules/mod.ts";
import { nftScript } from "../../src/rules/nft.ts";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { parseServerCommand } from "../../src/run/server_program.ts";
import { Handlers } from "../support/handlers/handlers_in_memory.ts";
import { runMicss } from "../support/programs/cli.ts";
import { makeTempDir } from "../support/programs/process.ts";
import { read, tablesWith, words } from "./markdown.ts";
import { page, PAGES, reader } from "./pages.ts";

const [discovery, firstTunnel, paths, redirect] = ["discovery", "first-tunnel", "paths", "redirect"].map((name) =>
  page(`docs/guide/${name}.md`)
);
const monitoring = read("docs/guide/monitoring.md");

Deno.test("the index of the guide has every page, by its title", () => {
  const index = read("docs/guide/README.md");
  const linked = [...index.matchAll(/\[([^\]]+)\]\(([\w-]+\.md)\)/g)].map(([, title, file]) => [file, title]);
  const found = PAGES.filter((path) => path !== "README.md" && !path.endsWith("/README.md")).map((path) => [
    path.split("/").at(-1),
    /^# (.+)\n/.exec(read(path))![1],
  ]);
  assertEquals(linked.toSorted(), found.toSorted());
});

Deno.test("every page of the guide has less than 400 lines", () => {
  for (const path of PAGES) assert(read(path).split("\n").length < 400, path);
});

Deno.test("the guide shows each kind of ingress", () => {
  const lines = PAGES.flatMap((path) => page(path).commands).map(({ line }) => line);
  for (const way of ["--forward", "--redirect", "--tproxy", "--socks5", "--http-connect"]) {
    assert(lines.some((line) => line.includes(` ${way} `)), way);
  }
});

Deno.test("the example of two hosts from nothing shows each command", () => {
  const example = /^## Two hosts from nothing$(.*?)^## /ms.exec(discovery!.text)![1]!;
  const shown = discovery!.commands.filter(({ line }) => example.includes(line)).map(({ name, args }) =>
    name === "rules" ? `rules ${args[0]}` : name
  );
  const due = ["keygen", "server", "client", "rules print", "rules apply", "channels", "rules remove"];
  assertEquals(due.filter((name) => !shown.includes(name)), []);
});

Deno.test("the example's rules are those of its file", () => {
  const config = parseClientRules("micss rules", ["--config", "/etc/micss/client.yaml"], reader(discovery!));
  const names = { user: () => 999, group: () => undefined, addresses: (host: string) => [host] };
  const { ruleset, notes } = clientRulesPlan(config, names);
  assertEquals(notes, []);
  const printed = `# Rules that micss rules apply client puts in place on this machine.\nnft -f - <<'END'\n${
    nftScript(ruleset)
  }END\n`;
  assertStringIncludes(discovery!.text, `$ micss rules print --config /etc/micss/client.yaml\n${printed}`);
});

Deno.test("the first tunnel's files and flags are equivalent", () => {
  const { commands } = firstTunnel!, readShown = reader(firstTunnel!);
  const fileOf = (side: string) =>
    commands.find(({ name, args }) => name === side && args[0] === "--config" && !args.includes("--dry-run"))!.args;
  const flagsOf = (side: string) => commands.find(({ name, args }) => name === side && args[0] !== "--config")!.args;
  const server = parseServerCommand(fileOf("server"), readShown);
  assertEquals(server, parseServerCommand(flagsOf("server"), readShown));
  const file = parseClientCommand(fileOf("client"), readShown);
  const forwarding = parseClientCommand(commands.find(({ args }) => args.includes("--forward"))!.args, readShown);
  assertEquals(file.forwards, forwarding.forwards);
  assertEquals(file.servers.map(({ channels }) => channels), forwarding.servers.map(({ channels }) => channels));
});

Deno.test("redirecting: the rules are for the client's servers and listener", () => {
  const { commands } = redirect!, readShown = reader(redirect!);
  const client = parseClientCommand(commands.find(({ name }) => name === "client")!.args, readShown);
  const [, ...args] = commands.find(({ name, args }) => name === "rules" && args.includes("--redirect"))!.args;
  const rules = parseClientRules("micss rules apply", args, readShown);
  assertEquals(rules.redirects, client.redirects);
  assertEquals(rules.servers, client.servers);
  assertEquals(rules.rules!.take, [{ to: "servers", port: 80 }]);
});

/** Runs a command that a page shows, with the page's files. */
async function assertPrints(shown: ReturnType<typeof page>, file: string, line: RegExp): Promise<void> {
  await using directory = await makeTempDir();
  const path = `${directory.path}/${file}`;
  await Deno.writeTextFile(path, shown.files.get(file)!);
  const [, command, printed] = line.exec(shown.text)!;
  const args = words(command!).map((word) => word === file ? path : word);
  assertEquals(await runMicss(...args), { status: 0, out: printed!, err: "" });
}

Deno.test("the plan is what micss plan prints for the file", async () => {
  await assertPrints(paths!, "client.yaml", /^\$ micss (plan [^\n]*)\n(.*?)^```$/ms);
});

Deno.test("the dry run is what micss client prints for the file", async () => {
  await assertPrints(firstTunnel!, "client.yaml", /^micss ([^\n]* --dry-run)\n```\n\n```text\n(.*?)^```$/ms);
});

Deno.test("monitoring names each metric, and each reason to drop a datagram", async () => {
  const handlers = new Handlers(), shown = monitoring.slice(monitoring.indexOf("## With Prometheus"));
  const names = [handlers.client, handlers.server].flatMap((handler) =>
    collect(handler, { version: "1", loopLag: 0 }).map(({ name }) => name)
  );
  // The process has a cell that abbreviates its names.
  const long = shown.replaceAll("`…", "`micss_process").replaceAll(/`(micss_\w+)\{/g, "`$1`{");
  assertEquals([...new Set(names)].filter((name) => !long.includes(`\`${name}\``)), []);
  const reasons = droppedOf(new DatagramCounts()).map(([reason]) => `\`${reason}\``);
  assertEquals(tablesWith(monitoring, "reason", "meaning")[0]!.rows.map(([reason]) => reason).sort(), reasons.sort());
  await handlers.close();
});

Deno.test("monitoring defines each state of a channel, and names each reason of a refusal", () => {
  const { rows } = tablesWith(monitoring, "state", "meaning")[0]!;
  assertEquals(rows.map(([state]) => state), CHANNEL_STATES.map((state) => `\`${state}\``));
  const [, reasons = ""] = /^(Reasons of refusals are .*?)\n\n/ms.exec(monitoring) ?? [];
  assertEquals(REFUSAL_REASONS.filter((reason) => !reasons.includes(`\`${reason}\``)), []);
});
