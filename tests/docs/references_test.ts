/** References: links in the Markdown files, sections named in the code, folders in README's map. */

import { assert, assertEquals } from "@std/assert";
import { read, ROOT, section, tablesWith } from "./markdown.ts";

const PAGES = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", ".github/SECURITY.md", ...filesIn("docs", ".md")];

function filesIn(folder: string, end: string): string[] {
  return [...Deno.readDirSync(new URL(`${folder}/`, ROOT))].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return filesIn(`${folder}/${name}`, end);
    return name.endsWith(end) ? [`${folder}/${name}`] : [];
  }).toSorted();
}

/** The numbers of the sections of PROTOCOL.md: of headings, and of paragraphs that have one of two parts or more. */
function sections(): string[] {
  const found = read("docs/PROTOCOL.md").matchAll(/^(?:#+ (\d+(?:\.\d+)*)|(\d+(?:\.\d+)+))\. /gm);
  return [...found].map(([, heading, paragraph]) => heading ?? paragraph!);
}

/** A heading's anchor, as code hosts make it. */
function anchor(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

for (const page of PAGES) {
  Deno.test(`every relative link of ${page} has a target`, () => {
    // Code contains no links.
    const text = read(page).replace(/^```.*?^```$/gms, "").replace(/`[^`\n]*`/g, "");
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target!)) continue;
      const [path, fragment] = target!.split("#");
      const url = new URL(path!, new URL(page, ROOT));
      assert(url.href.startsWith(ROOT.href), `${target} leads out of the project`);
      const file = Deno.statSync(url);
      if (fragment === undefined) continue;
      assert(file.isFile);
      const headings = [...Deno.readTextFileSync(url).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading!));
      assert(headings.includes(fragment), `${target}: no such heading`);
    }
  });
}

Deno.test("every section of PROTOCOL.md that the code names exists", () => {
  const numbers = sections();
  const files = ["src", "scripts", "tests"].flatMap((folder) => filesIn(folder, ".ts"));
  const named = files.flatMap((file) => {
    const all = read(file).matchAll(/docs\/PROTOCOL\.md (\d+(?:\.\d+)*)/g);
    return [...all].map(([, number]) => ({ file, number: number! }));
  });
  assert(named.length > 10);
  assertEquals(named.filter(({ number }) => !numbers.includes(number)), []);
});

Deno.test("the sections of PROTOCOL.md are numbered without a gap", () => {
  const last = new Map<string, number>();
  for (const number of sections().map((section) => section.split("."))) {
    const parent = number.slice(0, -1).join(".");
    assertEquals(Number(number.at(-1)), (last.get(parent) ?? 0) + 1, number.join("."));
    last.set(parent, Number(number.at(-1)));
  }
  assert(last.size > 5);
});

Deno.test("every section of PROTOCOL.md that SECURITY.md names in brackets exists", () => {
  const numbers = sections(), security = read("docs/SECURITY.md");
  const named = [...security.matchAll(/\[(\d(?:\.\d)*)\](?!\()/g)].map(([, number]) => number!);
  assert(named.length > 5);
  assertEquals(named.filter((number) => !numbers.includes(number)), []);
});

Deno.test("every test that SECURITY.md names for joining again exists", () => {
  const claim = section(read("docs/SECURITY.md"), "## Claim 5: joining again").replace(/\s+/g, " ");
  const named = [...claim.matchAll(/(?:Test:|; and|likewise:) _([^_]+)_/g)].map(([, name]) => name!);
  const tests = filesIn("tests/rejoin", ".ts").map(read).join("\n");
  // A name may be put together for two cases.
  const shown = (name: string) =>
    name.replace(/ that is (reset|closed) at/, ' that is ${how === "reset" ? how : "closed"} at');
  assert(named.length > 10);
  assertEquals(named.filter((name) => !tests.includes(shown(name))), []);
});

Deno.test("README's map names only folders that exist", () => {
  const { rows } = tablesWith(section(read("README.md"), "## Where each thing lives"), "folder", "holds")[0]!;
  for (const [cell = ""] of rows) {
    const [, folder] = /^\[(.+)\]\(\1\)$/.exec(cell)!;
    assert(Deno.statSync(new URL(folder!, ROOT)).isDirectory, folder);
  }
});

Deno.test("ARCHITECTURE's rooms are the folders of src", () => {
  const { rows } = tablesWith(section(read("docs/ARCHITECTURE.md"), "## Rooms"), "room", "holds")[0]!;
  const rooms = rows.flatMap(([cell = ""]) => [...cell.matchAll(/`([^`]+)`/g)].map(([, room]) => room!));
  assertEquals(rooms.toSorted(), [...Deno.readDirSync(new URL("src/", ROOT))].map(({ name }) => name).toSorted());
});
