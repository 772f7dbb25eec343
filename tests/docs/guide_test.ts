/** The program accepts the command lines and files in docs/OPERATIONS.md, and makes its rules. */
import { assert, assertEquals } from "@std/assert";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { parseClientRules, parseRemoval, parseServerRules, splitRules } from "../../src/cli/rules_args.ts";
import { parseServerCommand } from "../../src/run/server_program.ts";
import { FileError } from "../../src/config/file.ts";
import { clientRulesPlan } from "../../src/rules/mod.ts";
import { nftScript } from "../../src/rules/nft.ts";
import { CHANNEL_STATES } from "../../src/observe/sampler.ts";
import { REFUSAL_REASONS } from "../../src/observe/activity.ts";
import { runMicss } from "../support/programs/cli.ts";
import { makeTempDir } from "../support/programs/process.ts";
import { fenced, read, ROOT, tablesWith, words } from "./markdown.ts";

const text = read("docs/OPERATIONS.md");
const blocks = fenced(text);

/** The files that are shown, by the name in their first line. */
const files = new Map(
  blocks.filter(({ kind }) => kind === "yaml").flatMap(({ content }) => {
    const name = /^# (\S+\.yaml)\n/.exec(content)?.[1];
    return name === undefined ? [] : [[name, content] as const];
  }),
);

function readShown(path: string): string {
  const content = files.get(path);
  if (content === undefined) throw new FileError("no such file; give one that the operations show");
  return content;
}

/** Each line that runs micss, those that go on joined; what it answers begins with its name, too, and has a colon. */
const commands = blocks.filter(({ kind }) => kind === "").flatMap(({ content }) =>
  content.replaceAll(/\\\n\s*/g, "").split("\n")
).flatMap((line) => {
  const [, rest] = /^(?:\$ )?(?:runuser -u micss -- )?micss ((?!.*\w: ).+)$/.exec(line) ?? [];
  if (rest === undefined) return [];
  const [name, ...args] = words(rest);
  return [{ line, name: name!, args }];
});

for (const { line, name, args } of commands) {
  Deno.test(`the operations' "${line}" is valid`, async () => {
    if (name === "server") return void parseServerCommand(args, readShown);
    // Without arguments it uses the servers that were joined before.
    if (name === "client") return void (args.length > 0 && parseClientCommand(args, readShown));
    if (name === "rules") return checkRules(args);
    const entry = COMMANDS.find((one) => one.name === name);
    assert(entry !== undefined, `no command ${name}`);
    const { options } = await entry.load();
    const flags = args.filter((arg) => arg.startsWith("--")).map((arg) => arg.slice(2).split("=")[0]!);
    assertEquals(flags.filter((flag) => !options.some((option) => option.flag === flag)), []);
  });
}

function checkRules(args: string[]): void {
  const { action, side, rest } = splitRules(args);
  if (action === "remove") parseRemoval(rest);
  else if (side === "server") parseServerRules("micss rules", rest, readShown);
  else parseClientRules("micss rules", rest, readShown);
}

Deno.test("the operations show each kind of entry, and each command of the two hosts' example", () => {
  for (const way of ["--redirect", "--tproxy", "--socks5", "--http-connect"]) {
    assert(commands.some(({ line }) => line.includes(` ${way} `)), way);
  }
  // Not by `section`: comments in what is shown look like headings.
  const [, example = ""] = /^## Two hosts from nothing$(.*?)^## /ms.exec(text) ?? [];
  const shown = commands.filter(({ line }) => example.includes(line)).map(({ name, args }) =>
    name === "rules" ? `rules ${args[0]}` : name
  );
  const due = ["keygen", "server", "client", "rules print", "rules apply", "channels", "rules remove"];
  assertEquals(due.filter((name) => !shown.includes(name)), []);
});

Deno.test("the operations' rules are those of their file", () => {
  const config = parseClientRules("micss rules", ["--config", "/etc/micss/client.yaml"], readShown);
  const names = { user: () => 999, group: () => undefined, addresses: (host: string) => [host] };
  const { ruleset, notes } = clientRulesPlan(config, names);
  assertEquals(notes, []);
  const printed = `# Rules that micss rules apply client puts in place on this machine.\nnft -f - <<'END'\n${
    nftScript(ruleset)
  }END\n`;
  assert(text.includes(`$ micss rules print --config /etc/micss/client.yaml\n${printed}`), printed);
});

Deno.test("the operations' plan is what micss plan prints for their file", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/client.yaml`;
  await Deno.writeTextFile(path, readShown("client.yaml"));
  const [, args, printed] = /^\$ micss plan --config client\.yaml ([^\n]*)\n(.*?)^```$/ms.exec(text)!;
  assertEquals(await runMicss("plan", "--config", path, ...words(args!)), { status: 0, out: printed!, err: "" });
});

Deno.test("no command in the documentation or deploy selects processes by name", () => {
  const files = ["README.md", "docs/OPERATIONS.md", "docs/RUNBOOK.md"];
  for (const { name } of Deno.readDirSync(new URL("deploy/systemd/", ROOT))) files.push(`deploy/systemd/${name}`);
  // Other network namespaces, containers and users have processes of the same name.
  for (const file of files) assertEquals(/\b(?:pidof|pkill|killall|pgrep)\b/.exec(read(file)), null, file);
});

Deno.test("the operations define each state of a channel, and name each reason of a refusal", () => {
  const { rows } = tablesWith(text, "state", "meaning")[0]!;
  assertEquals(rows.map(([state]) => state), CHANNEL_STATES.map((state) => `\`${state}\``));
  const [, reasons = ""] = /^(Reasons of refusals are .*?)\n\n/ms.exec(text) ?? [];
  assertEquals(REFUSAL_REASONS.filter((reason) => !reasons.includes(`\`${reason}\``)), []);
});
