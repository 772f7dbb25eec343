import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { locator } from "../../src/config/position.ts";

/** Checks a text in which each value ends with the line of itself or its nearest known parent: `value@LINE`. */
function check(text: string): void {
  const locate = locator(text);
  let seen = 0;
  const walk = (value: unknown, path: readonly string[]): void => {
    if (typeof value === "object" && value !== null) {
      for (const [key, inside] of Object.entries(value)) walk(inside, [...path, key]);
      return;
    }
    const line = /@(\d+)\s*$/.exec(String(value))?.[1];
    if (line === undefined) return;
    assertEquals(locate(path), Number(line), `${path.join(" / ")} in\n${text}`);
    seen++;
  };
  walk(parse(text, { schema: "failsafe" }), []);
  assertEquals(seen, text.match(/@\d/g)?.length, `not every value was seen in\n${text}`);
}

const TEXTS: Record<string, string> = {
  "a block map": "a: x@1\nb: y@2\n",
  "maps in maps, at any indentation": "a:\n  b:\n      c: x@3\n      d: y@4\n  e: z@5\nf: w@6\n",
  "blank lines, comments and a document's marks":
    "%YAML 1.2\n---\n# a: no\n\na: x@5\n   # no\nb:\n  # b: no\n  c: y@9 # a\n...\n",
  "a sequence deeper than its key": "a:\n  - x@2\n  - y@3\nb: z@4\n",
  "a sequence in its key's column": "a:\n- x@2\n- y@3\nb: z@4\n",
  "a sequence in its key's column, inside a map": "a:\n  b:\n  - x@3\n  c: y@4\nd: z@5\n",
  "sequences in sequences": "- - x@1\n  - y@2\n- - z@3\n-\n  - w@5\n",
  "maps in sequences": "a:\n  - b: x@2\n    c: y@3\n  -\n    b: z@5\n  - b:\n      - w@7\n",
  "keys in quotes": "\"*\": x@1\n'80': y@2\n'it''s': z@3\n\"a\\tb: c\": w@4\n",
  "keys with dots, colons, dashes and stars inside": "a.b: x@1\n127.0.0.1:80: y@2\n-a: z@3\na*: w@4\n",
  "values with colons and hashes": "a: 127.0.0.1:80@1\nb: x#y:z@2\nc: http://a/b@3\n",
  "a flow sequence on one line": "a: x@1\nb: [y@2, z@2]\nc: w@3\n",
  "a flow map on one line": "a: {b: x@1, c: {d: y@1}}\ne: z@2\n",
  "flow collections over several lines": 'a: [x@1,\n  y@1,\n"b: z@1", {c: w@1}\n]\nd: v@5\n',
  "a flow map over several lines": "a: {\n  b: x@1,\n  c: [y@1, # ]\n  z@1]\n}\nd: w@6\n",
  "a flow collection below its key": "a:\n  [x@1,\n  y@1]\nb: z@4\n",
  "brackets and quotes inside quotes": 'a: [\'[\', "{\\"", x@1]\nb: "]\'"\nc: y@3\n',
  "brackets and quotes inside plain text": "a: it's [not\nb: x@2\nc: {d: it's, e: y@3}\nf: z@4\n",
  "quoted text over several lines": 'a: \'x\n\n  b: y\n  z@1\'\nc: "x\\"\n  d: w@5"\ne: v@7\n',
  "plain text over several lines": "a: x\n  y\n  z@1\nb: w@4\n",
  "block scalars": "a: |\n  b: no\n\n  - c\n  d@1\ne: >-\n  f: no@6\ng: x@8\n",
  "a block scalar in a sequence": "a:\n  - |\n    b: no\n    c@2\n  - x@5\n",
  "anchors, tags and aliases": "a: &x\n  b: !!str y@2\nc: &z !!str w@3\nd: !!seq\n  - v@5\n",
  "Windows' line ends": "a: x@1\r\nb:\r\n  - y@3\r\n",
  "a text without a last newline": "a:\n  b: x@2",
  "an empty value before another key": "a:\nb: x@2\nc:\n  d:\n  e: y@5\n",
};

for (const [name, text] of Object.entries(TEXTS)) {
  Deno.test(`locator() finds the lines of ${name}`, () => check(text));
}

Deno.test("locator() returns the nearest parent's line for an unknown path, and line 1 for the empty path", () => {
  const locate = locator("\na:\n  b: x\n");
  assertEquals(locate(["a", "c"]), 2);
  assertEquals(locate(["a", "b", "0", "d"]), 3);
  assertEquals(locate(["z"]), 1);
  assertEquals(locate([]), 1);
  assertEquals(locator("")(["a"]), 1);
});

Deno.test("locator() tells a key with a dot from a path", () => {
  const locate = locator("a.b: x\na:\n  b: y\n");
  assertEquals([locate(["a.b"]), locate(["a", "b"])], [1, 3]);
});

Deno.test("locator() takes time linear in the length of the text", () => {
  for (const part of [" ", "a ", "'", '"\\', "[", "a: ", "#", "-"]) {
    const start = performance.now();
    locator(`a: x\nb${part.repeat(200_000)}\n${part.repeat(200_000)}`)(["a"]);
    assert(performance.now() - start < 2000, JSON.stringify(part));
  }
});
