/** One version of Deno, pinned in .tool-versions, wherever the project names one; one test command, wherever it is run. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

async function read(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, ROOT));
}

const pinned = /^deno (\d+\.\d+\.\d+)$/m.exec(await read(".tool-versions"))?.[1];

/** Files that name Deno's version. */
const PINNED = [
  "README.md",
  "CONTRIBUTING.md",
  ".ci/run",
  ".github/workflows/release.yml",
  "Dockerfile",
  "site/index.md",
];

for (const path of PINNED) {
  Deno.test(`${path} names the pinned version of Deno, and no other`, async () => {
    const named = [...(await read(path)).matchAll(/\b(?:deno@|denoland\/deno:)([\w.-]*\w)/g)].map(([, version]) =>
      version
    );
    assert(named.length > 0, `${path} names no version`);
    assertEquals(new Set(named), new Set([pinned]));
  });
}

Deno.test("the image and the manifests have the project's version", async () => {
  const { version } = JSON.parse(await read("deno.json"));
  const places = [
    ["Dockerfile", /image\.version="(.+)"/g],
    ["deploy/kubernetes/base/client/kustomization.yaml", /newTag: (.+) \}/g],
    ["deploy/kubernetes/base/server/kustomization.yaml", /newTag: (.+) \}/g],
    ["deploy/kubernetes/overlays/three-replicas/kustomization.yaml", /newTag: (.+) \}/g],
  ] as const;
  for (const [path, pattern] of places) {
    const named = [...(await read(path)).matchAll(pattern)].map(([, named]) => named);
    assert(named.length > 0, path);
    assertEquals(new Set(named), new Set([version]), path);
  }
});

Deno.test(".ci/run runs the commands that README tells newcomers to test and check with", async () => {
  const [readme, ci] = [await read("README.md"), await read(".ci/run")];
  const command = `npx -y deno@${pinned} task test`;
  assertStringIncludes(readme, command);
  assertMatch(ci, new RegExp(`^${command} \\|`, "m"));
});

Deno.test("the image copies all that the executable is built from, and runs it without root", async () => {
  const [docker, ignored] = [await read("Dockerfile"), await read(".dockerignore")];
  for (const source of ["deno.json", "deno.lock", "main.ts", "scripts", "src"]) {
    assertMatch(docker, new RegExp(`^COPY .*\\b${source.replace(".", "\\.")}\\b`, "m"));
    assertMatch(ignored, new RegExp(`^!${source.replace(".", "\\.")}$`, "m"));
  }
  const last = docker.slice(docker.lastIndexOf("FROM "));
  assertMatch(last, /^FROM gcr\.io\/distroless\/cc-debian12:nonroot\n/);
  assertMatch(last, /^USER [1-9]\d*:[1-9]\d*$/m);
});
