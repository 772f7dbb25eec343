/** Time for each step of {@linkcode verify}, in milliseconds. */
const LIMIT = 30_000;

/** A client without traffic; its file exercises the YAML parser. */
const CLIENT = `servers:
  web: {channels: [192.0.2.1, 198.51.100.1]}
forward: [127.0.0.1:0=web:80]
admin: 127.0.0.1:0
log: {format: json}
`;

/** An empty list of learned channels. */
const ENTRIES = '{"version": 1, "entries": []}\n';

/**
 * Exercises an executable's embedded packages and the runtime's native parts: opens a database, starts a handler from a
 * YAML file, and requests the page's script. Uses loopback only.
 *
 * @param executable Absolute path.
 * @throws {Error} Naming the step that failed, and the reason.
 */
export async function verify(executable: string): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "micss-verify-" });
  try {
    const [client, entries] = [`${directory}/client.yaml`, `${directory}/entries.json`];
    await Deno.writeTextFile(client, CLIENT);
    await Deno.writeTextFile(entries, ENTRIES);
    await step("start", () => run(executable, "version"));
    await step(
      "open a database",
      () => run(executable, "channels", "import", entries, "--database", `${directory}/channels.db`),
    );
    await step("serve the page of a handler started from a YAML file", () => servePage(executable, client));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Runs a step, and names it if it fails. */
async function step(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    throw new Error(`can't ${name}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Runs the executable to completion. */
async function run(executable: string, ...args: string[]): Promise<void> {
  const signal = AbortSignal.timeout(LIMIT);
  const { code, stderr } = await new Deno.Command(executable, { args, stdout: "null", signal }).output();
  if (code !== 0) throw new Error(reasonIn(new TextDecoder().decode(stderr)) ?? `status ${code}`);
}

/** Starts a client handler and requests the script of the page's chart from its admin interface. */
async function servePage(executable: string, config: string): Promise<void> {
  const signal = AbortSignal.timeout(LIMIT);
  await using child = new Deno.Command(executable, {
    args: ["client", "--config", config],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal,
  }).spawn();
  const answer = await fetch(`http://${await adminOf(child.stderr)}/uplot.js`, { signal });
  const script = await answer.text();
  if (!answer.ok || !script.includes("uPlot")) throw new Error(`/uplot.js has status ${answer.status}`);
}

/** The address of a handler's admin interface, from its log. */
async function adminOf(log: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let text = "";
  for await (const chunk of log.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const at = /"event":"admin","at":"([^"]+)".*\n/.exec(text)?.[1];
    if (at !== undefined) return at;
  }
  throw new Error(reasonIn(text) ?? "it exited without a message");
}

/** The first line that is not a log line; a stack trace may follow. */
function reasonIn(text: string): string | undefined {
  return text.split("\n").find((line) => line !== "" && !line.startsWith("{"));
}
