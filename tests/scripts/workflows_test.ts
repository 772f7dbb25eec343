/** The workflows run what the project runs itself, with no more rights than they need. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parse } from "@std/yaml";
import { read, ROOT } from "../docs/markdown.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly needs?: string;
  readonly uses?: string;
  readonly steps?: readonly Step[];
  readonly permissions?: Readonly<Record<string, string>>;
}

interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const load = (name: string) => parse(read(`.github/workflows/${name}`)) as Workflow;
const ci = load("ci.yml"), release = load("release.yml");

Deno.test("the workflow ci runs .ci/run and no other check", () => {
  const commands = ci.jobs.ci!.steps!.flatMap(({ run }) => run ?? []);
  assertEquals(commands.at(-1), "bash .ci/run");
});

Deno.test("a release is packed after all checks, if the tag is the version, and attested by its checksums", () => {
  assertEquals([release.jobs.ci!.uses, release.jobs.packages!.needs], ["./.github/workflows/ci.yml", "ci"]);
  const steps = release.jobs.packages!.steps!.map(({ run, uses }) => run ?? uses!);
  const order = [/checkout/, /\.version deno\.json/, / task package /, /attest-build-provenance/, /gh release create/];
  assertEquals(steps.length, order.length);
  for (const [at, step] of steps.entries()) assertMatch(step, order[at]!);
  const attest = release.jobs.packages!.steps!.find(({ uses }) => uses?.includes("attest"))!;
  assertEquals(attest.with, { "subject-checksums": "dist/SHA256SUMS" });
});

Deno.test("workflows may read only, except for the job that publishes, and pin actions to commits", () => {
  for (const { permissions, jobs } of [ci, release]) {
    assertEquals(permissions, { contents: "read" });
    for (const [name, { permissions, steps = [] }] of Object.entries(jobs)) {
      assert(permissions === undefined || name === "packages", name);
      for (const { uses } of steps) if (uses !== undefined) assertMatch(uses, /^actions\/[\w-]+@[0-9a-f]{40}$/);
    }
  }
});

Deno.test("issue templates are YAML with a name, a description and fields", () => {
  for (const { name } of Deno.readDirSync(new URL(".github/ISSUE_TEMPLATE/", ROOT))) {
    if (name === "config.yml") continue;
    const form = parse(read(`.github/ISSUE_TEMPLATE/${name}`)) as Record<string, unknown[]>;
    assert(form.name && form.description && form.body!.length > 0, name);
  }
});
