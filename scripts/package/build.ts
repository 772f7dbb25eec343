import { SOURCES } from "../compile.ts";
import { PackageError } from "./tool.ts";

const ROOT = new URL("../../", import.meta.url);

/**
 * Builds executables that depend on the sources, and on the path of a directory, alone. `deno compile` embeds the time of
 * each file, hence the copies.
 */
export class Builder {
  readonly #directory: string;
  readonly #time: Date;
  readonly #build: string;

  private constructor(directory: string, time: number, build: string) {
    this.#directory = directory;
    this.#time = new Date(time * 1000);
    this.#build = build;
  }

  /**
   * Copies the sources.
   *
   * @param directory Empty directory, for the builder alone.
   * @param time Time of all files, in seconds since 1970.
   * @param build Build name reported by `micss version`.
   */
  static async make(directory: string, time: number, build: string): Promise<Builder> {
    await Deno.mkdir(`${directory}/tree`);
    for (const source of SOURCES) await copy(new URL(source, ROOT).pathname, `${directory}/tree/${source}`);
    return new Builder(directory, time, build);
  }

  /**
   * Builds an executable.
   *
   * @returns Its path.
   * @throws {PackageError} If the compiler fails, with its reason.
   */
  async build(target: string): Promise<string> {
    const output = `${this.#directory}/${target}/micss`;
    await Deno.mkdir(`${this.#directory}/${target}`);
    // The first run unpacks npm packages, whose files get the present time.
    await this.#compile(output, target);
    for (const name of ["tree", "deno/npm"]) await setTimes(`${this.#directory}/${name}`, this.#time);
    await this.#compile(output, target);
    return target.includes("windows") ? `${output}.exe` : output;
  }

  async #compile(output: string, target: string): Promise<void> {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "scripts/compile.ts", output, "--target", target],
      cwd: `${this.#directory}/tree`,
      env: { DENO_DIR: `${this.#directory}/deno`, MICSS_BUILD: this.#build, NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
    }).output();
    if (success) return;
    const text = new TextDecoder().decode(stderr).trim();
    const reason = /dl\.deno\.land/.test(text)
      ? "its runtime is not at dl.deno.land, or that can't be reached; see scripts/compile.ts for DENORT_BIN"
      : text.split("\n").find((line) => /^(error|compile): /.test(line)) ?? text;
    throw new PackageError(`no executable for ${target}: ${reason}`);
  }
}

/** Copies a file or directory with everything in it. */
async function copy(from: string, to: string): Promise<void> {
  if (!(await Deno.stat(from)).isDirectory) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

/** Sets the times of a file, or a directory and everything in it. Missing is nothing to do. */
async function setTimes(path: string, time: Date): Promise<void> {
  const info = await Deno.lstat(path).catch(() => null);
  if (info === null || info.isSymlink) return;
  if (info.isDirectory) { for await (const { name } of Deno.readDir(path)) await setTimes(`${path}/${name}`, time); }
  await Deno.utime(path, time, time);
}
