import { walk } from "../walk.ts";
import type { PackageFile } from "./tree.ts";

const ROOT = new URL("../../", import.meta.url);

/** Units of systemd. */
const UNITS = (await listed("deploy/systemd")).filter((name) => name.endsWith(".service"));

/** Directories of examples. */
const EXAMPLES = ["deploy/compose", "deploy/kubernetes", "deploy/prometheus"];

/** Documents. */
const DOCUMENTS = ["README.md", "LICENSE", "CHANGELOG.md"];

/** Output of micss itself that is installed with it. */
export interface Generated {
  /** Output of `micss man`. */
  readonly man: string;
  /** Output of `micss completions SHELL`. */
  readonly completions: Readonly<Record<"bash" | "zsh" | "fish", string>>;
}

/** Returns the contents of a tarball. @param executable Path of the executable. */
export async function tarballFiles(executable: string, { man, completions }: Generated): Promise<PackageFile[]> {
  return [
    { path: executable.endsWith(".exe") ? "micss.exe" : "micss", content: { from: executable }, mode: 0o755 },
    ...await copied(DOCUMENTS),
    ...await documentation(),
    { path: "man/man1/micss.1", content: man },
    { path: "completions/micss.bash", content: completions.bash },
    { path: "completions/_micss", content: completions.zsh },
    { path: "completions/micss.fish", content: completions.fish },
    ...await copied(await walked("deploy/systemd"), (path) => path.replace("deploy/", "")),
    ...await copied(await walked("deploy/settings"), (path) => path.replace("deploy/", "")),
    ...await copied(await examples(), (path) => path.replace("deploy/", "examples/")),
  ];
}

/** Returns the contents of the Debian package. @param executable Path of the executable. */
export async function debFiles(
  executable: string,
  { man, completions }: Generated,
  compress: (text: string) => Promise<Uint8Array>,
): Promise<PackageFile[]> {
  const doc = "usr/share/doc/micss";
  const units = await Promise.all(UNITS.map(async (name) => ({
    path: `usr/lib/systemd/system/${name}`,
    content: (await read(`deploy/systemd/${name}`)).replaceAll("/usr/local/bin", "/usr/bin"),
  })));
  return [
    { path: "usr/bin/micss", content: { from: executable }, mode: 0o755 },
    ...await copied(await walked("deploy/settings"), (path) => path.replace("deploy/settings", "etc/micss")),
    ...units,
    { path: "usr/lib/sysusers.d/micss.conf", content: await read("deploy/systemd/micss.sysusers.conf") },
    { path: "usr/share/man/man1/micss.1.gz", content: await compress(man) },
    { path: "usr/share/bash-completion/completions/micss", content: completions.bash },
    { path: "usr/share/zsh/vendor-completions/_micss", content: completions.zsh },
    { path: "usr/share/fish/vendor_completions.d/micss.fish", content: completions.fish },
    { path: `${doc}/copyright`, content: await copyright() },
    { path: `${doc}/changelog.gz`, content: await compress(await read("CHANGELOG.md")) },
    { path: `${doc}/README.md`, content: await read("README.md") },
    ...(await documentation()).map((file) => ({ ...file, path: `${doc}/${file.path}` })),
    ...await copied(await examples(), (path) => path.replace("deploy", `${doc}/examples`)),
  ];
}

/** Returns the control archive of the Debian package. @param architecture Debian's name of it. */
export async function debControl(version: string, architecture: string): Promise<PackageFile[]> {
  const control = (await read("deploy/debian/control")).replace("@VERSION@", version)
    .replace("@ARCHITECTURE@", architecture);
  const settings = (await walked("deploy/settings")).map((path) => path.replace("deploy/settings", "/etc/micss"));
  const scripts = ["postinst", "prerm", "postrm"];
  return [
    { path: "control", content: control },
    { path: "conffiles", content: settings.map((path) => `${path}\n`).join("") },
    ...await copied(
      scripts.map((name) => `deploy/debian/${name}`),
      (path) => path.replace("deploy/debian/", ""),
      0o755,
    ),
  ];
}

/**
 * Returns the context of a container image that takes the executable as it is: `docker build` needs nothing else. Its
 * Dockerfile is the project's last stage.
 */
export async function containerFiles(executable: string): Promise<PackageFile[]> {
  const dockerfile = await read("Dockerfile");
  const [usage = "", ...stages] = dockerfile.split(/^(?=FROM )/m);
  const final = stages.at(-1)!.replace("COPY --from=build /micss/micss", "COPY --chmod=755 micss");
  return [
    { path: "micss", content: { from: executable }, mode: 0o755 },
    { path: "Dockerfile", content: `${usage.replace(/ --build-arg.* \.$/m, " .")}${final}` },
    { path: "LICENSE", content: await read("LICENSE") },
    ...await copied(await walked("deploy/compose"), (path) => path.replace("deploy/compose/", "")),
  ];
}

/** The documentation, where README's links lead to. Its links to examples lead to the package's. */
async function documentation(): Promise<PackageFile[]> {
  const paths = (await walked("docs")).filter((path) => !path.startsWith("docs/bench/results"));
  return await Promise.all(paths.map(async (path) => {
    if (!path.endsWith(".md")) return { path, content: await Deno.readFile(new URL(path, ROOT)) };
    return { path, content: (await read(path)).replaceAll(/\]\(((?:\.\.\/)+)deploy\//g, "]($1examples/") };
  }));
}

/** The machine-readable copyright file (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/). */
async function copyright(): Promise<string> {
  const [, holder = "", ...license] = (await read("LICENSE")).trim().split("\n\n");
  const indented = license.join("\n\n").split("\n").map((line) => line === "" ? " ." : ` ${line}`).join("\n");
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\n${holder}\n` +
    `License: MIT\n\nLicense: MIT\n${indented}\n`;
}

async function examples(): Promise<string[]> {
  return (await Promise.all(EXAMPLES.map(walked))).flat();
}

async function copied(
  paths: readonly string[],
  rename: (path: string) => string = (path) => path,
  mode = 0o644,
): Promise<PackageFile[]> {
  return await Promise.all(paths.map(async (path) => ({ path: rename(path), content: await read(path), mode })));
}

function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

async function listed(directory: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(new URL(directory, ROOT)));
  return entries.map(({ name }) => name).sort();
}

/** Lists the files below a directory of the project, sorted. */
async function walked(directory: string): Promise<string[]> {
  return (await walk(new URL(directory, ROOT).pathname)).map((path) => `${directory}/${path}`);
}
