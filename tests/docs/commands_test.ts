/** The program accepts every command line and file in README. */

import { assert, assertEquals } from "@std/assert";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { parseClientRules } from "../../src/cli/rules_args.ts";
import { parseServerCommand } from "../../src/run/server_program.ts";
import { FileError } from "../../src/config/file.ts";
import { DEFAULT_TIMEOUTS } from "../../src/config/common.ts";
import { MAX_CHANNELS, MIN_CHANNELS } from "../../src/wire/associate.ts";
import { fenced, read, words } from "./markdown.ts";

const text = read("README.md");
const blocks = fenced(text);

/** The files that README shows, by the name in their first line. */
const files = new Map(
  blocks.filter(({ kind }) => kind === "yaml").map(({ content }) => [/^# (\S+)\n/.exec(content)![1]!, content]),
);

function readShown(path: string): string {
  const content = files.get(path);
  if (content === undefined) throw new FileError("no such file; give one that README shows");
  return content;
}

/** The lines of blocks without a kind, those that go on joined. */
const lines = blocks.filter(({ kind }) => kind === "").flatMap(({ content }) =>
  content.replaceAll(/\\\n\s*/g, "").split("\n")
);

const commands = lines.flatMap((line) => {
  // The user that a command is run as may have the same name.
  const [, rest = ""] = /(?:^| )(?:\.\/)?micss ((?:server|client) .*)$/.exec(line) ?? [];
  const [command, ...args] = words(rest);
  return command === "server" || command === "client" ? [{ line, command, args }] : [];
});

Deno.test("README shows how to start both handlers, by flags and by files", () => {
  const shown = commands.map(({ command, args }) => `${command} ${args.includes("--config") ? "file" : "flags"}`);
  assertEquals(new Set(shown), new Set(["server flags", "client flags", "server file", "client file"]));
});

for (const { line, command, args } of commands) {
  Deno.test(`README's "${line}" is valid`, () => {
    if (command === "server") parseServerCommand(args, readShown);
    else parseClientCommand(args, readShown);
  });
}

Deno.test("README shows how to make rules, by flags and by files, for what its client takes", () => {
  const shown = lines.flatMap((line) => /(?:^| )micss rules apply (.*)$/.exec(line)?.[1] ?? []);
  const [flags, file] = shown.map((rest) => parseClientRules("micss rules apply", words(rest), readShown));
  const redirect = commands.find(({ line }) => line.includes("--redirect"))!;
  const client = parseClientCommand(redirect.args, readShown);
  assertEquals(flags!.redirects, client.redirects);
  assertEquals(flags!.servers, client.servers);
  assertEquals(file!.redirects, client.redirects);
  assertEquals(flags!.rules!.take, [{ to: "servers", port: 80 }]);
  assertEquals(file!.servers[0]!.ports, [80]);
});

Deno.test("README's files and flags are equivalent", () => {
  const [server, client] = (["server", "client"] as const).map((name) =>
    commands.filter(({ command }) => command === name).map(({ args }) => args)
  );
  const [flags, file] = server!.map((args) => parseServerCommand(args, readShown));
  assertEquals(file, flags);
  const [forward, redirect, both] = client!.map((args) => parseClientCommand(args, readShown));
  assertEquals(both!.forwards, forward!.forwards);
  assertEquals(both!.redirects, redirect!.redirects);
  assertEquals(both!.servers.map(({ channels }) => channels), forward!.servers.map(({ channels }) => channels));
});

Deno.test("README's other commands of micss exist", () => {
  const named = [...text.matchAll(/`(?:deno task )?micss ([a-z]+)/g)].map(([, name]) => name!);
  const known = COMMANDS.map(({ name }) => name);
  assertEquals(named.filter((name) => !known.includes(name)), []);
});

Deno.test("README's tasks exist", () => {
  const { tasks } = JSON.parse(read("deno.json"));
  const named = [...text.matchAll(/(?:^|[ `])(?:deno|deno@[\d.]+) task (?:-q )?([a-z]+)/gm)].map(([, name]) => name!);
  assert(named.length > 3);
  assertEquals(named.filter((name) => tasks[name] === undefined), []);
});

Deno.test("README starts newcomers with the demo and the tests, each on its own line", () => {
  const version = /^deno (\S+)$/m.exec(read(".tool-versions"))![1];
  for (const task of ["demo", "test"]) assert(lines.includes(`npx -y deno@${version} task ${task}`), task);
});

Deno.test("README's limits match the code", () => {
  const flat = text.replace(/ +/g, " ");
  for (
    const row of [
      `n | ${MIN_CHANNELS} to ${MAX_CHANNELS},`,
      `handshake | ${DEFAULT_TIMEOUTS.handshake / 1000} s,`,
      `session | dead after ${DEFAULT_TIMEOUTS.silence / 1000} s `,
      `association | ${DEFAULT_TIMEOUTS.idle / 1000} s at the client, ${
        2 * DEFAULT_TIMEOUTS.idle / 1000
      } s at the server`,
    ]
  ) assert(flat.includes(row), row);
  assert(flat.includes(`for ${DEFAULT_TIMEOUTS.drain / 1000} s`));
});
