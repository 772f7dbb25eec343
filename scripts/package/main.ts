/**
 * The task `package`: builds everything that a release consists of, `deno task package [--out DIRECTORY] [TARGET]...`.
 *
 * Targets are those of `deno compile`; the default is this system. Without a runtime for a target, its packages are skipped
 * with a line that says so; the run fails if none is left. The same tree gives the same bytes: times are that of the
 * commit, or `SOURCE_DATE_EPOCH`.
 *
 * @module
 */

import project from "../../deno.json" with { type: "json" };
import { buildName } from "../compile.ts";
import { lockOf, stdFlags } from "../std.ts";
import { printedBy } from "../task.ts";
import { writeDeb, writeTarball } from "./archive.ts";
import { Builder } from "./build.ts";
import { containerFiles, debControl, debFiles, type Generated, tarballFiles } from "./contents.ts";
import { sbom } from "./sbom.ts";
import { PackageError, runTool } from "./tool.ts";

const ROOT = new URL("../../", import.meta.url);

/** Directory of a build, always the same: `deno compile` embeds messages with the path of the cache. */
const WORK = "/tmp/micss-package";

/** Debian's names of the architectures for which there is a package, by target. */
const DEBIAN: Readonly<Record<string, string>> = {
  "x86_64-unknown-linux-gnu": "amd64",
  "aarch64-unknown-linux-gnu": "arm64",
};

/** An executable to pack. */
export interface Packaging {
  /** Path of the executable. */
  readonly executable: string;
  /** Target that it was compiled for. */
  readonly target: string;
  /** Directory for the packages. */
  readonly out: string;
  /** Time of all files, in seconds since 1970. */
  readonly time: number;
  /** Version of the runtime in the executable. */
  readonly deno: string;
  /** Version of the packages. Default: the project's. */
  readonly version?: string;
}

/** Writes the packages of one target. @returns Their names. */
export async function pack(packaging: Packaging): Promise<string[]> {
  const { executable, target, out, time, deno, version = project.version } = packaging;
  const generated = await generate();
  const name = `micss-${version}-${target}`;
  const tarball = `${name}.tar.gz`;
  await writeTarball({ output: `${out}/${tarball}`, files: await tarballFiles(executable, generated), time }, name);
  const bill = `${name}.cdx.json`;
  const lock = await Deno.readTextFile(new URL(lockOf(await stdFlags()), ROOT));
  await Deno.writeTextFile(`${out}/${bill}`, sbom(lock, deno, time));
  const architecture = DEBIAN[target];
  if (architecture === undefined) return [tarball, bill];

  const deb = `micss_${version}_${architecture}.deb`;
  const files = await debFiles(executable, generated, gzip);
  await writeDeb({ output: `${out}/${deb}`, files, time }, await debControl(version, architecture));
  const container = `${name}-container.tar.gz`;
  const context = { output: `${out}/${container}`, files: await containerFiles(executable), time };
  await writeTarball(context, `${name}-container`);
  return [tarball, bill, deb, container];
}

/** Writes SHA256SUMS, for `sha256sum --check`. */
export async function writeSums(out: string, names: readonly string[]): Promise<void> {
  const lines = await Promise.all(
    [...names].sort().map(async (name) => {
      const hash = await crypto.subtle.digest("SHA-256", await Deno.readFile(`${out}/${name}`));
      return `${new Uint8Array(hash).toHex()}  ${name}\n`;
    }),
  );
  await Deno.writeTextFile(`${out}/SHA256SUMS`, lines.join(""));
}

let generated: Promise<Generated> | undefined;

/** Runs micss from source for what it prints about itself. */
function generate(): Promise<Generated> {
  return generated ??= (async () => {
    const flags = [...await printedBy("runtime"), ...await stdFlags()];
    const print = async (...args: string[]) => {
      const command = ["run", "-q", "--no-check", ...flags, "main.ts", ...args];
      return new TextDecoder().decode(await runTool(Deno.execPath(), command, { cwd: ROOT.pathname }));
    };
    const shells = ["bash", "zsh", "fish"] as const;
    const [man, ...[bash, zsh, fish]] = await Promise.all([
      print("man"),
      ...shells.map((shell) => print("completions", shell)),
    ]);
    return { man: man!, completions: { bash: bash!, zsh: zsh!, fish: fish! } };
  })();
}

/** Compresses a text, as `gzip -n` does. */
async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Response(text).body!.pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

/** The commit's time in seconds since 1970, or `SOURCE_DATE_EPOCH` (https://reproducible-builds.org/specs/source-date-epoch/). */
async function sourceDate(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  if (given !== undefined) {
    if (!/^\d{1,11}$/.test(given)) throw new PackageError(`SOURCE_DATE_EPOCH is not a number of seconds: "${given}"`);
    return Number(given);
  }
  const text = await runTool("git", ["log", "-1", "--format=%ct"], { cwd: ROOT.pathname }).catch(() => {
    throw new PackageError("no commit to take the packages' time from; set SOURCE_DATE_EPOCH");
  });
  return Number(new TextDecoder().decode(text));
}

/** The version of the runtime that `deno compile` embeds. */
async function compilerVersion(): Promise<string> {
  const text = await runTool(Deno.env.get("DENO_COMPILE") ?? Deno.execPath(), ["--version"], {
    env: { NO_COLOR: "1" },
  });
  return /^deno (\S+)/.exec(new TextDecoder().decode(text))![1]!;
}

async function main(args: readonly string[]): Promise<number> {
  const flag = args.indexOf("--out");
  const out = flag < 0 ? "dist" : args[flag + 1];
  const targets = flag < 0 ? args : args.toSpliced(flag, 2);
  if (out === undefined || targets.some((target) => target.startsWith("-"))) {
    throw new PackageError("write deno task package [--out DIRECTORY] [TARGET]..., as in deno compile --help");
  }
  const time = await sourceDate(), deno = await compilerVersion();
  await Deno.mkdir(out, { recursive: true });
  await Deno.mkdir(WORK, { mode: 0o700 }).catch((error) => {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new PackageError(`${WORK} exists; wait until the other build is over, or remove what one left behind`);
  });
  const names: string[] = [];
  try {
    const builder = await Builder.make(WORK, time, await buildName());
    for (const target of targets.length > 0 ? targets : [Deno.build.target]) {
      try {
        names.push(...await pack({ executable: await builder.build(target), target, out, time, deno }));
      } catch (error) {
        if (!(error instanceof PackageError)) throw error;
        console.error(`package: skipped, ${error.message}`);
      }
    }
  } finally {
    await Deno.remove(WORK, { recursive: true });
  }
  if (names.length === 0) throw new PackageError("no target was built");
  await writeSums(out, names);
  for (const name of [...names, "SHA256SUMS"]) console.log(`${out}/${name}`);
  return 0;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    console.error(`package: ${error.message}`);
    Deno.exit(1);
  }
}
