import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import project from "../../deno.json" with { type: "json" };
import { COMMANDS } from "../../src/cli/commands.ts";
import { main } from "../../src/cli/mod.ts";
import { EXIT_STATUSES } from "../../src/cli/exit_statuses.ts";
import { optionsOf } from "../../src/config/schema.ts";
import { clientSpec } from "../../src/config/client.ts";
import { serverSpec } from "../../src/config/server.ts";

interface Answer {
  status: number;
  out: string;
  err: string;
}

/** Runs the program with arguments for which it exits immediately. */
async function run(...args: string[]): Promise<Answer> {
  const answer = { status: -1, out: "", err: "" };
  answer.status = await main(args, {
    out: (text) => void (answer.out += text),
    err: (text) => void (answer.err += text),
  });
  return answer;
}

Deno.test("without arguments the program writes its usage to standard error and exits 2", async () => {
  const { status, out, err } = await run();
  assertEquals([status, out], [2, ""]);
  assertStringIncludes(err, "Usage: micss COMMAND");
});

Deno.test("help lists every command with its summary", async () => {
  for (const args of [["help"], ["--help"], ["-h"]]) {
    const { status, out, err } = await run(...args);
    assertEquals([status, err], [0, ""]);
    for (const { name, summary } of COMMANDS) assertMatch(out, new RegExp(`^  ${name} +${summary}$`, "m"));
  }
});

Deno.test("every command has help, the same from help COMMAND, --help and -h", async () => {
  for (const { name } of COMMANDS) {
    const asked = await run("help", name);
    assertEquals([asked.status, asked.err], [0, ""]);
    assertMatch(asked.out, new RegExp(`^micss ${name}: .+\n\nUsage: micss ${name}\\b`));
    assertMatch(asked.out, /\nExamples:\n( {2}micss .+\n)+$/);
    assertEquals(await run(name, "--help"), asked);
    assertEquals(await run(name, "-h"), asked);
    assertEquals(await run(name, "--nonsense", "--help"), asked);
  }
});

Deno.test("a command's help shows each of its settings, with its value, doc and default", async () => {
  const handlers = { server: optionsOf(serverSpec.schema), client: optionsOf(clientSpec.schema) };
  for (const [name, options] of Object.entries(handlers)) {
    const { out } = await run("help", name);
    const help = out.replace(/\s+/g, " ");
    for (const { flag, path, placeholder, doc, default: otherwise } of options) {
      const words = [flag === undefined ? path : `--${flag}`, placeholder ?? [], doc].flat();
      assertStringIncludes(help, ` ${words.join(" ")}`);
      if (otherwise !== undefined) assertStringIncludes(help, `${doc} (default ${otherwise})`);
    }
  }
});

Deno.test("a handler's help has a summary, usage, flags, settings only in the file, and examples", async () => {
  const { out } = await run("help", "server");
  const start = `\
micss server: Run a server handler: accept channels and relay sessions to their targets

Usage: micss server --channel HOST[:PORT]... --target PORT=HOST[:PORT]... [--config FILE]

Flags:
  --config FILE                       YAML file with these settings and more; flags override it
  --channel HOST[:PORT]               Addresses to listen at for channels, 2 to 16; default port: 6522 (repeatable)
`;
  const end = `

Examples:
  micss server --channel 192.0.2.10 --channel 198.51.100.10 --channel '[2001:db8::10]' --target 80=127.0.0.1:8080
  micss server --config server.yaml --log-level debug
`;
  assertEquals([out.slice(0, start.length), out.slice(-end.length)], [start, end]);
  const fileOnly = out.slice(out.indexOf("\n\nSettings only in the file:\n"), -end.length);
  assertMatch(fileOnly, /\n {2}timeouts\.connect DURATION +Limit for connecting to a target \(default 10s\)\n/);
});

Deno.test("version prints deno.json's version and the numbers that a peer must share", async () => {
  const out = `micss ${project.version} (from source)
protocol 2, sharing xor (1), identification hmac-sha256 (1) and ed25519 (2)
deno ${Deno.version.deno}, ${Deno.build.target}
`;
  for (const name of ["version", "--version", "-V"]) assertEquals(await run(name), { status: 0, out, err: "" });
});

Deno.test("version --json prints an object", async () => {
  const { status, out, err } = await run("version", "--json");
  assertEquals([status, err], [0, ""]);
  assertEquals(JSON.parse(out), {
    version: project.version,
    build: "from source",
    protocol: 2,
    sharing: { xor: 1 },
    identification: { "hmac-sha256": 1, ed25519: 2 },
    deno: Deno.version.deno,
    target: Deno.build.target,
  });
});

Deno.test("help and the manual page list the exit statuses", async () => {
  for (const command of ["help", "man"]) {
    const { out } = await run(command);
    for (const [status, meaning] of EXIT_STATUSES) {
      for (const part of [status, meaning]) assertStringIncludes(out.replaceAll("\\-", "-"), part);
    }
  }
});

Deno.test("bad input is reported on standard error and exits 2", async () => {
  const cases: [string, string][] = [
    ["srver", 'micss: "srver": unknown command; did you mean micss server?'],
    ["frobnicate", 'micss: "frobnicate": unknown command; micss help lists them'],
    ["--versoin", 'micss: "--versoin": unknown flag; did you mean micss version?'],
    ["--channel a", 'micss: "--channel": unknown flag; did you mean micss channels?'],
    ["help clinet", 'micss: "clinet": unknown command; did you mean micss client?'],
    ["help server client", "micss help: more than one command; write micss help COMMAND"],
    ["version x", 'micss version: "x": unexpected argument; only flags are allowed'],
    ["version --x", "micss version: --x: unknown flag; see micss version --help"],
    ["server --chanel a", "micss server: --chanel: unknown flag; did you mean --channel?"],
    [
      "client --server web=a --redirect b",
      'micss client: --server "web=a": only one channel; give 2 to 16, each at its own address',
    ],
  ];
  for (const [args, line] of cases) {
    assertEquals(await run(...args.split(" ")), { status: 2, out: "", err: `${line}\n` });
  }
  assertEquals((await run("a\nb")).err, 'micss: "a\\nb": unknown command; micss help lists them\n');
});

Deno.test("each of several mistakes is reported in a line of its own", async () => {
  const { status, err } = await run("server");
  assertEquals(status, 2);
  assertEquals(err.split("\n").map((line) => line.slice(0, 17)), ["micss server: no ", "micss server: no ", ""]);
});

Deno.test("an internal error is reported in one line and exits 1, with its stack trace only on request", async () => {
  const STACK = /^micss: internal error: RangeError: broken\nin two\n {4}at .+main_test\.ts/;
  let err = "";
  const output = {
    out: () => {
      throw new RangeError("broken\nin two");
    },
    err: (text: string) => void (err += text),
  };
  assertEquals(await main(["version"], output), 1);
  assertEquals(err, "micss: internal error: RangeError: broken\n");
  for (const level of [["--log-level", "debug"], ["--log-level=debug"]]) {
    err = "";
    assertEquals(await main(["server", "--help", ...level], output), 1);
    assertMatch(err, STACK);
  }
  err = "";
  Deno.env.set("MICSS_DEBUG", "1");
  try {
    assertEquals(await main(["version"], output), 1);
    assertMatch(err, STACK);
  } finally {
    Deno.env.delete("MICSS_DEBUG");
  }
});
