/**
 * The behaviour of `@std` that the project relies on. Tests the packages of jsr.io or their replacements in scripts/std,
 * whichever `deno task -q std` selects.
 */

import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertExists,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "@std/assert";
import { parseArgs } from "@std/cli";
import { toArrayBuffer, toJson, toText } from "@std/streams";
import { parse, stringify } from "@std/yaml";

const failing: [name: string, assertion: () => unknown][] = [
  ["assert", () => assert(0)],
  ["assertAlmostEquals", () => assertAlmostEquals(1, 1.1)],
  ["assertEquals of objects", () => assertEquals<unknown>({ a: [1, 2] }, { a: [1, 3] })],
  ["assertEquals of an absent and an undefined field", () => assertEquals<unknown>({ a: undefined }, {})],
  ["assertEquals of bytes", () => assertEquals(new Uint8Array([1, 2]), new Uint8Array([1, 3]))],
  ["assertEquals of a number and a string", () => assertEquals<unknown>(1, "1")],
  ["assertExists", () => assertExists(null)],
  ["assertGreater", () => assertGreater(1, 1)],
  ["assertGreaterOrEqual", () => assertGreaterOrEqual(1n, 2n)],
  ["assertInstanceOf", () => assertInstanceOf(new Error(), TypeError)],
  ["assertLess", () => assertLess(1, 1)],
  ["assertLessOrEqual", () => assertLessOrEqual(2, 1)],
  ["assertMatch", () => assertMatch("abc", /^b/)],
  ["assertNotEquals", () => assertNotEquals(new Uint8Array(3), new Uint8Array(3))],
  ["assertStrictEquals", () => assertStrictEquals<unknown>({}, {})],
  ["assertStringIncludes", () => assertStringIncludes("abc", "d")],
  ["assertThrows of what returns", () => assertThrows(() => 1)],
  ["assertThrows of another class", () => assertThrows(() => JSON.parse("{"), TypeError)],
  ["assertThrows of another message", () => assertThrows(() => JSON.parse("{"), SyntaxError, "no such text")],
  ["fail", () => fail("always")],
];
for (const [name, assertion] of failing) {
  Deno.test(`${name} fails with an AssertionError`, () => {
    let thrown: unknown;
    try {
      assertion();
    } catch (error) {
      thrown = error;
    }
    if (!(thrown instanceof AssertionError)) throw new Error(`threw ${thrown}`);
  });
}

Deno.test("assertions pass on what they assert", async () => {
  assert("text");
  assertAlmostEquals(1, 1 + 1e-9);
  assertAlmostEquals(1, 1.1, 0.2);
  assertEquals(new Map([["a", [1, { b: NaN }]]]), new Map([["a", [1, { b: NaN }]]]));
  assertExists(0);
  assertGreater(2, 1);
  assertGreaterOrEqual(1, 1);
  assertInstanceOf(new TypeError(), Error);
  assertLess("a", "b");
  assertLessOrEqual(1, 1);
  assertMatch("abc", /bc$/);
  assertNotEquals<unknown>([1], ["1"]);
  assertStrictEquals(NaN, NaN);
  assertStringIncludes("abc", "b");
  const syntaxError: SyntaxError = assertThrows(() => JSON.parse("{"), SyntaxError, "JSON");
  assertInstanceOf(syntaxError, SyntaxError);
  assertStrictEquals(
    assertThrows(() => {
      throw "text";
    }),
    "text",
  );
  const rejected: TypeError = await assertRejects(() => Promise.reject(new TypeError("why")), TypeError, "why");
  assertEquals(rejected.message, "why");
});

Deno.test("assertRejects fails if nothing rejects, or if the function itself throws", async () => {
  await assertRejects(() => assertRejects(() => Promise.resolve(1)), AssertionError, "Expected function to reject");
  const throwing = () => {
    throw new TypeError("early");
  };
  await assertRejects(() => assertRejects(throwing), AssertionError, "Function throws when expected to reject");
});

Deno.test("parseArgs distinguishes strings, booleans and lists", () => {
  const args = parseArgs(
    [
      "server",
      "--channel",
      "a:1",
      "--channel=b:2",
      "--config=x",
      "--config",
      "y",
      "--verbose",
      "rest",
      "7",
      "--",
      "-z",
    ],
    { string: ["channel", "config", "absent", "_"], boolean: ["verbose", "quiet"], collect: ["channel"] },
  );
  const channels: string[] = args.channel;
  const config: string | undefined = args.config;
  const verbose: boolean = args.verbose;
  assertEquals(channels, ["a:1", "b:2"]);
  assertEquals(config, "y");
  assert(verbose && !args.quiet);
  assertEquals(args.absent, undefined);
  assertEquals<unknown>(args._, ["server", "rest", "7", "-z"]);
});

Deno.test("parseArgs returns an empty list, an empty string or a default for a missing value", () => {
  const args = parseArgs(["--empty", "--", "x", "5"], {
    string: ["list", "empty", "level"],
    collect: ["list"],
    default: { level: "info" },
    "--": true,
  });
  const level: string = args.level;
  assertEquals(args.list, []);
  assertEquals(args.empty, "");
  assertEquals(level, "info");
  assertEquals(args._, []);
  assertEquals(args["--"], ["x", "5"]);
});

Deno.test("parseArgs takes neither an option nor a lone dash as an option's value", () => {
  const args = parseArgs(["--a", "--b", "-"], { string: ["a", "b"] });
  assertEquals([args.a, args.b, args._], ["", "", ["-"]]);
});

Deno.test("parseArgs follows aliases, and negates only what is negatable", () => {
  const unknown: string[] = [];
  const args = parseArgs(["-c", "file", "--no-color", "--no-config"], {
    string: ["config"],
    boolean: ["color"],
    negatable: ["color"],
    default: { color: true },
    alias: { config: "c" },
    unknown: (arg) => {
      unknown.push(arg);
      return false;
    },
  });
  assertEquals([args.config, args.color], ["file", false]);
  assertEquals(unknown, ["--no-config"]);
});

Deno.test("parseArgs passes on unknown options and arguments, and stops early", () => {
  const unknown: unknown[] = [];
  const options = { string: ["a"], stopEarly: true } as const;
  assertEquals(parseArgs(["--a", "1", "server", "--a", "2"], options)._, ["server", "--a", "2"]);
  parseArgs(["--x=1", "--y", "word"], {
    string: "a",
    unknown: (...what) => {
      unknown.push(what);
      return false;
    },
  });
  assertEquals(unknown, [["--x=1", "x", "1"], ["--y", "y", "word"]]);
});

Deno.test("parse reads YAML's types, and an empty value as null", () => {
  const text = "a: 1\nb: [x, 'y', 2.5, true, ~]\nc:\n  - d: |\n      two\n      lines\n";
  assertEquals(parse(text), { a: 1, b: ["x", "y", 2.5, true, null], c: [{ d: "two\nlines\n" }] });
  assertEquals(parse(""), null);
  assertEquals(parse("# a comment\n"), null);
});

Deno.test("parse leaves every scalar a string in the failsafe schema", () => {
  const text = "a: 1\nb: [true, ~, 2020-01-01]\nc:\nd: ''\n";
  assertEquals(parse(text, { schema: "failsafe" }), { a: "1", b: ["true", "~", "2020-01-01"], c: null, d: "" });
});

Deno.test("parse names the line of a mistake, counted from 1", () => {
  assertThrows(() => parse("a: 1\nb: 2\na: 3\n"), SyntaxError, "at line 3, column 1:");
  assertThrows(() => parse("a: 1\nb: [1\nc: 2\n"), SyntaxError, "at line 3,");
  assertThrows(() => parse("a: 1\n  b: 2\n"), SyntaxError, "at line 2,");
  assertThrows(() => parse("a: 1\n---\nb: 2\n"), SyntaxError);
});

Deno.test("stringify writes what parse reads", () => {
  const value = { a: 1, b: ["x", "true", "12", "", null], c: { "d e": "two\nlines" } };
  assertEquals(stringify({ a: 1, b: ["x"] }), "a: 1\nb:\n  - x\n");
  assertEquals(parse(stringify(value)), value);
  assertThrows(() => stringify({ a: () => 1 }), TypeError);
});

Deno.test("streams are read to their end as text, bytes and JSON", async () => {
  const bytes = () =>
    ReadableStream.from([new Uint8Array([0x7b, 0x22, 0xc3]), new Uint8Array([0xa9, 0x22, 0x3a, 0x31, 0x7d])]);
  assertEquals(await toText(bytes()), '{"é":1}');
  assertEquals(await toText(ReadableStream.from(["a", "b"])), "ab");
  assertEquals(new Uint8Array(await toArrayBuffer(bytes())).length, 8);
  assertEquals(await toJson(bytes()), { "é": 1 });
  await assertRejects(() => toJson(ReadableStream.from(["{"])), SyntaxError);
});
