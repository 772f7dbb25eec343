/** The program accepts every command line and file in README and the guide. */
import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { splitRoutes } from "../../src/cli/routes.ts";
import { readRoutes, refuseArguments } from "../../src/cli/routes_args.ts";
import { parseClientRules, parseRemoval, parseServerRules, splitRules } from "../../src/cli/rules_args.ts";
import { DEFAULT_TIMEOUTS } from "../../src/config/common.ts";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { parseServerCommand } from "../../src/run/server_program.ts";
import { MAX_CHANNELS, MIN_CHANNELS } from "../../src/wire/associate.ts";
import { fenced, read, ROOT } from "./markdown.ts";
import { page, PAGES, reader, type ShownCommand } from "./pages.ts";

const pages = PAGES.map(page);
const readme = pages[0]!;

for (const shown of pages) {
  const readShown = reader(shown);
  for (const command of shown.commands) {
    Deno.test(`${shown.path}: "${command.line}" is valid`, () => accept(command, readShown));
  }
}

async function accept({ name, args }: ShownCommand, readShown: (path: string) => string): Promise<void> {
  if (name === "server") return void parseServerCommand(args, readShown);
  // Without arguments it uses the servers that were joined before.
  if (name === "client") return void (args.length > 0 && parseClientCommand(args, readShown));
  if (name === "rules") return acceptRules(args, readShown);
  if (name === "routes") return acceptRoutes(args, readShown);
  const entry = COMMANDS.find((one) => one.name === name);
  assert(entry !== undefined, `no command ${name}`);
  const { options } = await entry.load();
  const flags = args.filter((arg) => arg.startsWith("--")).map((arg) => arg.slice(2).split("=")[0]!);
  assertEquals(flags.filter((flag) => !options.some((option) => option.flag === flag)), []);
}

function acceptRules(args: string[], readShown: (path: string) => string): void {
  const { action, side, rest } = splitRules(args);
  if (action === "remove") parseRemoval(rest);
  else if (side === "server") parseServerRules("micss rules", rest, readShown);
  else parseClientRules("micss rules", rest, readShown);
}

function acceptRoutes(args: string[], readShown: (path: string) => string): void {
  const { action, side = "client", rest } = splitRoutes(args);
  if (action === "remove") refuseArguments("micss routes remove", rest);
  else readRoutes("micss routes", side, rest, readShown);
}

Deno.test("the pages name only commands of micss that exist", () => {
  const known = COMMANDS.map(({ name }) => name);
  for (const { path, text } of pages) {
    const named = [...text.matchAll(/`(?:deno task )?micss ([a-z]+)/g)].map(([, name]) => name!);
    assertEquals(named.filter((name) => !known.includes(name)), [], path);
  }
});

Deno.test("the pages name only tasks that exist", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  for (const { path, text } of pages) {
    const named = [...text.matchAll(/(?:^|[ `])(?:deno|deno@[\d.]+) task (?:-q )?([a-z]+)/gm)].map(([, name]) => name!);
    assertEquals(named.filter((name) => tasks[name] === undefined), [], path);
  }
});

Deno.test("no command in the documentation or deploy selects processes by name", () => {
  const files = [...PAGES];
  for (const { name } of Deno.readDirSync(new URL("deploy/systemd/", ROOT))) files.push(`deploy/systemd/${name}`);
  // Other network namespaces, containers and users have processes of the same name.
  for (const file of files) assertEquals(/\b(?:pidof|pkill|killall|pgrep)\b/.exec(read(file)), null, file);
});

Deno.test("README shows how to connect two hosts", () => {
  assertEquals(readme.commands.map(({ name }) => name), ["invite", "server", "join", "client"]);
});

Deno.test("README starts newcomers with the demo and the tests, each on its own line", () => {
  const version = /^deno (\S+)$/m.exec(read(".tool-versions"))![1];
  const lines = fenced(readme.text).flatMap(({ content }) => content.split("\n"));
  for (const task of ["demo", "test"]) assert(lines.includes(`npx -y deno@${version} task ${task}`), task);
});

Deno.test("README is short: the picture and the demo come first, then the limits", () => {
  const lines = readme.text.split("\n");
  assert(lines.length < 200, `${lines.length} lines`);
  const places = [/──> /, / task demo$/, /^## Limits$/, /^## Between two hosts$/].map((what) =>
    lines.findIndex((line) => what.test(line))
  );
  assertEquals(places, places.filter((place) => place >= 0).toSorted((one, other) => one - other));
  assert(places[1]! < 30, `the demo is in line ${places[1]! + 1}`);
});

Deno.test("README's limits match the code", () => {
  const flat = readme.text.replace(/ +/g, " ");
  for (
    const row of [
      `n | ${MIN_CHANNELS} to ${MAX_CHANNELS},`,
      `handshake | ${DEFAULT_TIMEOUTS.handshake / 1000} s,`,
      `session | broken after ${DEFAULT_TIMEOUTS.silence / 1000} s `,
      `a broken channel | joined again within ${DEFAULT_TIMEOUTS.rejoin / 1000} s, `,
      `association | ${DEFAULT_TIMEOUTS.idle / 1000} s at the client, ${
        2 * DEFAULT_TIMEOUTS.idle / 1000
      } s at the server`,
    ]
  ) assert(flat.includes(row), row);
  assert(flat.includes(`for ${DEFAULT_TIMEOUTS.drain / 1000} s`));
});
