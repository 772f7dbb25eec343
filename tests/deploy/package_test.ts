/** The packages of the task `package`: the same bytes twice, installed, upgraded and purged by dpkg in a root of its own. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parse } from "@std/yaml";
import project from "../../deno.json" with { type: "json" };
import { Builder } from "../../scripts/package/build.ts";
import { pack, writeSums } from "../../scripts/package/main.ts";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { parseServerCommand } from "../../src/run/server_program.ts";
import { buildExecutable, COMPILER } from "../support/programs/executable.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { shared, testWith } from "../support/programs/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const LINUX = "x86_64-unknown-linux-gnu";
const TIME = 1_700_000_000;
const TOOLS = ["dpkg-deb", "tar", "gzip"];

/** Packs a script in place of the executable, which would take half a minute to compress. @returns The packages' names. */
async function packScript(out: string, { version, target = LINUX }: { version?: string; target?: string } = {}) {
  await Deno.mkdir(out, { recursive: true });
  const executable = `${out}/micss`;
  await Deno.writeTextFile(executable, `#!/bin/sh\necho ${version ?? project.version}\n`, { mode: 0o755 });
  const given = version === undefined ? {} : { version };
  const names = await pack({ executable, target, out, time: TIME, deno: "2.9.6", ...given });
  await Deno.remove(executable);
  await writeSums(out, names);
  return names;
}

/** Packages of this system with the project's version. */
const packed = shared(async () => {
  const directory = await makeTempDir();
  return Object.assign(directory, { names: await packScript(directory.path) });
});

/** All paths below a directory, sorted. */
async function walk(root: string, within = ""): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(`${root}${within}`));
  const paths = await Promise.all(entries.map(async ({ name, isDirectory }) => {
    const path = `${within}/${name}`;
    return isDirectory ? [path, ...await walk(root, path)] : [path];
  }));
  return paths.flat().sort();
}

testWith(TOOLS, "the same tree gives the same packages, whose checksums are right", async () => {
  const { path: one, names } = await packed();
  await using directory = await makeTempDir();
  const two = directory.path;
  await packScript(two);
  const name = `micss-${project.version}-${LINUX}`, deb = `micss_${project.version}_amd64.deb`;
  assertEquals(names, [`${name}.tar.gz`, `${name}.cdx.json`, deb, `${name}-container.tar.gz`]);
  const sums = await Deno.readTextFile(`${one}/SHA256SUMS`);
  assertEquals(sums.trim().split("\n").length, names.length);
  assertEquals(sums, await Deno.readTextFile(`${two}/SHA256SUMS`));
  await run(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: one });
});

testWith(TOOLS, "systems other than Debian get a tarball and a bill of materials", async () => {
  await using directory = await makeTempDir();
  const target = "aarch64-apple-darwin", name = `micss-${project.version}-${target}`;
  assertEquals(await packScript(directory.path, { target }), [`${name}.tar.gz`, `${name}.cdx.json`]);
  const list = (await run(["tar", "--list", "--file", `${directory.path}/${name}.tar.gz`])).text();
  for (const path of ["micss", "LICENSE", "man/man1/micss.1", "completions/_micss", "examples/compose/compose.yaml"]) {
    assertStringIncludes(list, `${name}/${path}\n`);
  }
});

testWith(TOOLS, "the bill of materials has Deno and every package of the lock file, with its hash", async () => {
  const { path, names: [, bill] } = await packed();
  const { bomFormat, specVersion, metadata, components, dependencies } = JSON.parse(
    await Deno.readTextFile(`${path}/${bill}`),
  );
  assertEquals([bomFormat, specVersion, metadata.component.version], ["CycloneDX", "1.5", project.version]);
  assertEquals(metadata.timestamp, "2023-11-14T22:13:20.000Z");
  const [deno, ...packages]: { name: string; version: string; purl: string; hashes: { content: string }[] }[] =
    components;
  assertEquals([deno!.name, deno!.version], ["deno", "2.9.6"]);
  const names = packages.map(({ name }) => name);
  assert(names.includes("uplot"));
  assertEquals(dependencies[0].dependsOn.length, components.length);
  for (const { name, version, purl, hashes } of packages) {
    assert(purl.includes(`${name.replace("@", "%40")}@${version}`), purl);
    assertMatch(hashes[0]!.content, /^([0-9a-f]{64}|[0-9a-f]{128})$/);
  }
});

testWith(TOOLS, "the container context's Dockerfile copies only what the context has", async () => {
  const { path, names } = await packed();
  await using directory = await makeTempDir();
  await run(["tar", "--extract", "--strip-components=1", "--file", `${path}/${names.at(-1)}`], { cwd: directory.path });
  const dockerfile = await Deno.readTextFile(`${directory.path}/Dockerfile`);
  const from = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, image]) => image);
  assertEquals(from, ["gcr.io/distroless/cc-debian12:nonroot"]);
  assertEquals([...dockerfile.matchAll(/^COPY (.*)$/gm)].map(([, copy]) => copy), ["--chmod=755 micss /micss"]);
  assertEquals((await Deno.stat(`${directory.path}/micss`)).mode! & 0o777, 0o755);
  assert((await Deno.stat(`${directory.path}/compose.yaml`)).isFile);
});

/** For commands that name no file. */
const refuse = (path: string): never => {
  throw new Error(`No file is read, ${path} neither`);
};

Deno.test("the commands of the compose file are valid", async () => {
  const { services } = parse(await Deno.readTextFile(`${ROOT}deploy/compose/compose.yaml`)) as {
    services: Record<"client" | "server", { command: string[] }>;
  };
  const [server, ...serverFlags] = services.server.command, [client, ...clientFlags] = services.client.command;
  assertEquals([server, client], ["server", "client"]);
  assertEquals(parseServerCommand(serverFlags, refuse).channels.length, 2);
  assertEquals(parseClientCommand(clientFlags, refuse).servers[0]!.channels.length, 2);
});

for (const side of ["client", "server"] as const) {
  Deno.test(`the packaged ${side}.yaml without its comment signs is valid`, async () => {
    const text = await Deno.readTextFile(`${ROOT}deploy/settings/${side}.yaml`);
    const read = () => text.replaceAll(/^#(?=(?: {2})?[a-z]+:)/gm, "");
    const parse = side === "client" ? parseClientCommand : parseServerCommand;
    assertEquals(parse(["--config", `${side}.yaml`], read).admin, { host: "127.0.0.1", port: 9652 });
  });
}

/** A root directory with a package database, whose only package provides the dependencies. */
async function makeRoot(root: string): Promise<void> {
  await Deno.mkdir(`${root}/var/lib/dpkg/info`, { recursive: true });
  await Deno.mkdir(`${root}/var/lib/dpkg/updates`);
  const status = ["libc6 2.36", "libgcc-s1 12"].map((each) => {
    const [name, version] = each.split(" ");
    return `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nMaintainer: x\nVersion: ${version}\n` +
      "Description: x\n";
  });
  await Deno.writeTextFile(`${root}/var/lib/dpkg/status`, status.join("\n"));
}

testWith(
  [...TOOLS, "dpkg", "fakeroot"],
  "the Debian package is installed, upgraded and purged without a trace",
  async () => {
    await using directory = await makeTempDir();
    const [from, to, root] = ["from", "to", "root"].map((name) => `${directory.path}/${name}`) as [
      string,
      string,
      string,
    ];
    const names = {
      from: await packScript(from, { version: "0.1.0" }),
      to: await packScript(to, { version: "99.0.0" }),
    };
    await makeRoot(root);
    const empty = await walk(root);
    const dpkg = (...args: string[]) =>
      run([
        "fakeroot",
        "dpkg",
        "--root",
        root,
        "--force-script-chrootless",
        "--force-confold",
        "--log=/dev/null",
        ...args,
      ]);

    await dpkg("--install", `${from}/${names.from[2]}`);
    assertEquals((await run([`${root}/usr/bin/micss`])).text(), "0.1.0\n");
    for (const unit of ["micss-client", "micss-server", "micss-rules", "micss-rules-watch"]) {
      const text = await Deno.readTextFile(`${root}/usr/lib/systemd/system/${unit}.service`);
      assertMatch(text, /^ExecStart=\/usr\/bin\/micss /m);
      assert(!text.includes("/usr/local"), unit);
    }
    assertStringIncludes((await run(["gzip", "-cd", `${root}/usr/share/man/man1/micss.1.gz`])).text(), ".TH");
    assertMatch(await Deno.readTextFile(`${root}/usr/share/doc/micss/copyright`), /^License: MIT\n\s+Permission/m);
    const guide = `${root}/usr/share/doc/micss/docs/guide`;
    const [, link] = /\]\((\S+alerts\.yaml)\)/.exec(await Deno.readTextFile(`${guide}/troubleshooting.md`))!;
    assert((await Deno.stat(`${guide}/${link}`)).isFile, link);

    const settings = `${root}/etc/micss/server.yaml`;
    await Deno.writeTextFile(settings, "mine\n");
    await dpkg("--install", `${to}/${names.to[2]}`);
    assertEquals((await run([`${root}/usr/bin/micss`])).text(), "99.0.0\n");
    assertEquals(await Deno.readTextFile(settings), "mine\n");

    await Deno.mkdir(`${root}/var/lib/micss`);
    await dpkg("--remove", "micss");
    assertEquals(await Deno.readTextFile(settings), "mine\n");
    assert((await Deno.stat(`${root}/var/lib/micss`)).isDirectory);
    await dpkg("--purge", "micss");
    const left = (await walk(root)).filter((path) => !empty.includes(path) && !path.startsWith("/var/lib/dpkg/"));
    // Directories that packages share, and the user.
    assertEquals(
      left.filter((path) => !/^\/(etc|usr|etc\/(passwd|group|shadow|gshadow|\.pwd\.lock).*)$/.test(path)),
      [],
    );
  },
);

const executable = await buildExecutable();

testWith(
  [...TOOLS, ...(executable === undefined ? [COMPILER] : [])],
  "an executable built twice for packages has the same bytes, and works",
  async () => {
    const hashes: string[] = [];
    await using directory = await makeTempDir();
    const work = `${directory.path}/work`;
    for (let i = 0; i < 2; i++) {
      await Deno.mkdir(work);
      const path = await (await Builder.make(work, TIME, "0123abc of 2026-01-02")).build(LINUX);
      hashes.push((await run(["sha256sum", path])).text());
      assertMatch((await run([path, "version"])).text(), /^micss .* \(0123abc of 2026-01-02\)\n/);
      await Deno.remove(work, { recursive: true });
    }
    assertEquals(hashes[0], hashes[1]);
  },
);
