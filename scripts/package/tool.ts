/** A package can't be built. Message: what is wrong and what would be right. */
export class PackageError extends Error {
  override name = "PackageError";
}

/**
 * Runs a program that packages are built with.
 *
 * @param env Variables added to the environment.
 * @returns Its standard output.
 * @throws {PackageError} If it is missing or fails.
 */
export async function runTool(
  program: string,
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const options: Deno.CommandOptions = { args: [...args], env, stdin: "null", ...cwd !== undefined && { cwd } };
  const { success, stdout, stderr } = await new Deno.Command(program, options).output().catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new PackageError(`${program} is missing; build packages on Debian, or where dpkg-deb, GNU tar and gzip are`);
  });
  if (!success) throw new PackageError(`${program} failed: ${new TextDecoder().decode(stderr).trim()}`);
  return stdout;
}
