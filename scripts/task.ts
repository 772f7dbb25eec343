const ROOT = new URL("..", import.meta.url);

/**
 * The words that a task of deno.json prints: flags for Deno.
 *
 * @throws {Error} If the task fails: without its flags, the wrong program would run.
 */
export async function printedBy(task: string): Promise<string[]> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", task],
    cwd: ROOT,
    stderr: "inherit",
  }).output();
  if (code !== 0) throw new Error(`The task ${task} exited with status ${code}`);
  return words(new TextDecoder().decode(stdout));
}

/** Splits a text into words. */
export function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
