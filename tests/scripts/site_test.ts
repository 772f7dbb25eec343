/** Parts of `deno task site`; .ci/run builds the whole site. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { deadLinks } from "../../scripts/site/links.ts";
import { anchorOf, placeOf, siteText } from "../../scripts/site/pages.ts";
import { makeTempDir } from "../support/programs/process.ts";
import { read } from "../docs/markdown.ts";

Deno.test("the guide, the reference and what they link to have places on the site, and nothing else does", () => {
  assertEquals(
    ["site/index.md", "docs/guide/README.md", "docs/guide/paths.md", "docs/SECURITY.md", "CHANGELOG.md"].map(placeOf),
    ["index.md", "guide/index.md", "guide/paths.md", "reference/security.md", "reference/changelog.md"],
  );
  assertEquals(
    ["docs/images/page.png", "docs/bench/RESULTS.md", "docs/vectors.json", "src/cli/plan.ts", "README.md"].map(placeOf),
    ["images/page.png", "bench/results.md", "vectors.json", null, null],
  );
});

Deno.test("links are rewritten for the pages' places, except in code", () => {
  const page = "docs/guide/paths.md";
  for (
    const [text, expected] of [
      ["[a](first-tunnel.md#with-keys)", "[a](./first-tunnel.md#with-keys)"],
      ["[a](#b) [c](https://host/d.md)", "[a](#b) [c](https://host/d.md)"],
      ["[`a`](../SECURITY.md), `b`", "[`a`](../reference/security.md), `b`"],
      ["![a](../images/page.png)", "![a](../images/page.png)"],
      ["[a](README.md)", "[a](./index.md)"],
      ["[a](../../deploy/x)", "a"],
      ["`[a](../SECURITY.md)`", "`[a](../SECURITY.md)`"],
      [
        "```\n[a](../SECURITY.md)\n```\n[b](../SECURITY.md)",
        "```\n[a](../SECURITY.md)\n```\n[b](../reference/security.md)",
      ],
    ] as const
  ) assertEquals(siteText(page, text), expected);
  assertEquals(siteText(page, "[a](../../deploy/x#y)", "https://host/"), "[a](https://host/deploy/x#y)");
  assertEquals(siteText("CHANGELOG.md", "[a](docs/guide/README.md)"), "[a](../guide/index.md)");
});

Deno.test("anchors are those of code hosts", () => {
  assertEquals(anchorOf("Claim 3: records"), "claim-3-records");
  assertEquals(anchorOf("servers.NAME.key"), "serversnamekey");
});

Deno.test("links without a file or an element are found", async () => {
  await using directory = await makeTempDir();
  const pages = {
    "index.html": '<h1 id="top"></h1><a class="x" href="/base/a/b.html#c">',
    "a/b.html":
      '<p id="c"><a href="../index.html#top"><a href="../"><a href="#d"><img src="x.png"><a href="/a/b.html">' +
      '<a href="https://other/none"><a href="../index.html#none">',
  };
  await Deno.mkdir(`${directory.path}/a`);
  for (const [path, html] of Object.entries(pages)) await Deno.writeTextFile(`${directory.path}/${path}`, html);
  assertEquals(await deadLinks(directory.path, "/base/"), [
    "a/b.html: #d",
    "a/b.html: /a/b.html",
    "a/b.html: ../index.html#none",
    "a/b.html: x.png",
  ]);
});

Deno.test("the site's lock file names no registry, and every package has a hash", () => {
  const { packages } = JSON.parse(read("site/package-lock.json"));
  const { "": root, ...others } = packages as Record<
    string,
    { resolved?: string; integrity?: string; version: string }
  >;
  assertEquals(Object.values(others).filter(({ resolved }) => resolved !== undefined), []);
  for (const [name, { integrity }] of Object.entries(others)) assertMatch(integrity ?? "", /^sha512-/, name);
  assert(root !== undefined);
});
