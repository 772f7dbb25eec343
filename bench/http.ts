import { run } from "../tests/support/programs/process.ts";
import { type Nginx, startNginx } from "../tests/support/programs/nginx.ts";
import { attempt, type Bench, type Way } from "./bench.ts";
import type { Setting } from "./results.ts";
import type { Stage } from "./testbed.ts";

/** How requests are made. */
export interface Requests {
  /** How many clients make them, each one after the other. */
  readonly clients: number;
  /** The size of the file that they ask for, in kB. */
  readonly kilobytes: number;
  /** Whether a client keeps its connection, or makes one for each request. */
  readonly keepAlive: boolean;
  /** How long, in whole seconds. */
  readonly seconds: number;
}

/** Starts a web server that has files of these sizes, in kB, and writes no log. */
export async function startWeb(listen: string[], sizes: readonly number[], within: readonly string[]): Promise<Nginx> {
  const nginx = await startNginx(listen, { within, more: "access_log off; keepalive_requests 10000000;" });
  for (const size of sizes) await Deno.writeFile(`${nginx.root}/${size}k`, new Uint8Array(size * 1024).fill(120));
  return nginx;
}

/** Measures requests a second, once. */
export async function measureRequests(
  bench: Bench,
  part: string,
  stage: Stage,
  way: Way & { readonly setting: Setting },
  requests: Requests,
): Promise<void> {
  const what = `${part}: ${way.system}, ${requests.clients} clients`;
  await attempt(bench, `${what}, ${requests.kilobytes} kB`, async () => {
    await stage.settle();
    const text = await request(stage, way, requests);
    const errors = /^\s*Socket errors: (.*)$/m.exec(text)?.[1];
    if (errors !== undefined) bench.results.failures.push(`${what}: ${errors}`);
    if (/^\s*Non-2xx/m.test(text)) throw new Error("answers that are no files");
    const rate = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(text)?.[1]);
    bench.results.add(part, way.system, way.setting, "requests", "1/s", rate);
  });
}

/** Makes requests. @returns What wrk has to say. */
export async function request(
  stage: Stage,
  { host, port }: Pick<Way, "host" | "port">,
  { clients, kilobytes, keepAlive, seconds }: Requests,
): Promise<string> {
  const close = keepAlive ? [] : ["-H", "Connection: close"];
  const url = `http://${host}:${port}/${kilobytes}k`;
  const command = ["wrk", "-t1", `-c${clients}`, `-d${seconds}s`, "--timeout", "10s", ...close, url];
  return (await run(command, { within: stage.near, ms: (seconds + 20) * 1000 })).text();
}
