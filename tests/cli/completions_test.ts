/** Runs the completion scripts in the shells themselves. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { runMicss } from "../support/programs/cli.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";

/** Typed lines, each with the completions of its last word. DIR has the files key.pub and key.txt. */
const LINES: [string, string[]][] = [
  ["micss ser", ["server"]],
  ["micss che", ["check"]],
  ["micss client --log-level ", ["debug", "error", "info", "quiet", "warn"]],
  ["micss client --log-l", ["--log-level"]],
  ["micss client --server a=b,c --log-level i", ["info"]],
  ["micss server --channel ", []],
  ["micss server --key DIR/ke", ["DIR/key.pub", "DIR/key.txt"]],
  ["micss rules a", ["apply"]],
  ["micss rules apply --exempt-u", ["--exempt-uid"]],
  ["micss rules apply --soc", ["--socks5", "--socks5-users"]],
  ["micss rules apply --dry", []],
  ["micss keygen ", ["ed25519", "hmac"]],
  ["micss keygen hmac ", []],
  ["micss help vers", ["version"]],
  ["micss check ser", ["server"]],
  ["micss check DIR/key.p", ["DIR/key.pub"]],
  ["micss check client DIR/key.t", ["DIR/key.txt"]],
  ["micss check --js", ["--json"]],
  ["micss channels import DIR/key.p", ["DIR/key.pub"]],
  ["micss plan --max-r", ["--max-risk"]],
  ["micss plan --config DIR/key.t", ["DIR/key.txt"]],
  ["micss plan --estimate ", []],
  ["micss completions f", ["fish"]],
];

/** Writes the script for `shell`, and files to complete. DIR in the lines is their directory. */
async function prepared(shell: string): Promise<AsyncDisposable & { dir: string; script: string }> {
  const directory = await makeTempDir();
  const dir = `${directory.path}/files`, script = `${directory.path}/completion`;
  const { status, out, err } = await runMicss("completions", shell);
  assertEquals([status, err], [0, ""]);
  await Deno.writeTextFile(script, out);
  await Deno.mkdir(dir);
  for (const name of ["key.pub", "key.txt"]) await Deno.writeTextFile(`${dir}/${name}`, "");
  return { dir, script, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

/** Completes each line. The command writes a line of words for each of its arguments. */
async function completed(shell: string, command: (script: string) => string[], lines: string[]): Promise<string[][]> {
  await using files = await prepared(shell);
  const args = lines.map((line) => line.replaceAll("DIR", files.dir));
  const outcome = await run([...command(files.script), ...args], { env: { LC_ALL: "C.UTF-8", HOME: files.dir } });
  assertEquals(outcome.stderr, "");
  return outcome.text().trimEnd().split("\n").map((line) =>
    line.replaceAll(files.dir, "DIR").split(" ").filter(Boolean).sort()
  );
}

const BASH = String.raw`
source "$1"
shift
for line; do
  read -ra COMP_WORDS <<<"$line"
  [[ $line != *" " ]] || COMP_WORDS+=("")
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
  _micss
  echo "\${COMPREPLY[*]} "
done
`.replaceAll("\\$", "$");

testWith(["bash"], "bash completes commands, flags, their values and files", async () => {
  const found = await completed("bash", (script) => ["bash", "-c", BASH, "bash", script], LINES.map(([line]) => line));
  assertEquals(found, LINES.map(([, words]) => words));
});

testWith(["bash"], "bash completes a value after =, which it splits off as a word", async () => {
  const lines = ["micss client --log-level =", "micss client --log-level = wa", "micss client --config = DIR/key.p"];
  const found = await completed("bash", (script) => ["bash", "-c", BASH, "bash", script], lines);
  assertEquals(found, [["debug", "error", "info", "quiet", "warn"], ["warn"], ["DIR/key.pub"]]);
});

const FISH = `
source $argv[1]
for line in $argv[2..-1]
  echo (complete -C $line | string replace -r '\\t.*' '')" "
end
`;

testWith(["fish"], "fish completes commands, flags, their values and files", async () => {
  const command = (script: string) => ["fish", "--no-config", "-c", FISH, script];
  const found = await completed("fish", command, LINES.map(([line]) => line));
  assertEquals(found, LINES.map(([, words]) => words));
});

/** A terminal in which ^T prints the completed line. */
const ZSH = String.raw`
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PROMPT= RPROMPT=; autoload -U compinit; compinit -u -D; source '$1'
shown() { print -r "<<$BUFFER>>"; BUFFER= }; zle -N shown; bindkey "^T" shown; bindkey "^I" complete-word
setopt no_beep no_auto_list; echo rea""dy'
zpty -r shell out '*ready*'
shift
for line; do
  zpty -w -n shell $line$'\t\x14'
  zpty -r shell out '*<<*>>*'
  print -r -- "\${\${out##*<<}%%>>*} "
done
zpty -d shell
`.replaceAll("\\$", "$");

testWith(["zsh"], "zsh completes commands, flags, their values and files", async () => {
  // zsh inserts a single completion with a space after it, or = before a value.
  const lines = LINES.filter(([, words]) => words.length === 1);
  const found = await completed(
    "zsh",
    (script) => ["zsh", "-f", "-c", ZSH, "zsh", script],
    lines.map(([line]) => line),
  );
  const whole = lines.map(([line, [word]]) => line.replace(/\S*$/, word!).split(" ").sort());
  assertEquals(found.map((words) => words.map((word) => word.replace(/=$/, ""))), whole);
});

Deno.test("completions include every command", async () => {
  const { out: help } = await runMicss("help");
  const commands = [.../\nCommands:\n((?: {2}.+\n)+)/.exec(help)![1]!.matchAll(/^ {2}(\S+)/gm)].map(([, name]) =>
    name!
  );
  for (const shell of ["bash", "zsh", "fish"]) {
    const { out } = await runMicss("completions", shell);
    for (const name of commands) assertStringIncludes(out, name);
  }
});

Deno.test("completions need one known shell", async () => {
  for (
    const [args, line] of [
      ["", "micss completions: no shell given; write micss completions bash|zsh|fish"],
      ["bsah", 'micss completions: "bsah": unknown shell; did you mean bash?'],
      ["toString", 'micss completions: "toString": unknown shell; write micss completions bash|zsh|fish'],
      ["bash zsh", 'micss completions: "zsh": unexpected second argument; give only one'],
    ] as const
  ) {
    const answer = await runMicss("completions", ...args.split(" ").filter(Boolean));
    assertEquals(answer, { status: 2, out: "", err: `${line}\n` });
  }
});
