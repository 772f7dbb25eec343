import { run } from "../tests/support/programs/process.ts";
import { type Nginx, startNginx } from "../tests/support/programs/nginx.ts";
import { attempt, type Bench, type Way } from "./bench.ts";
import type { Setting } from "./results.ts";
import type { Testbed } from "./testbed.ts";

/** Parameters of a measurement. */
export interface Requests {
  /** Concurrent clients, each with one request at a time. */
  readonly clients: number;
  /** Size of the requested file, in kB. */
  readonly kilobytes: number;
  /** Reuse of a client's connection for further requests. */
  readonly keepAlive: boolean;
  /** Duration, in whole seconds. */
  readonly seconds: number;
}

/** Starts a web server that serves files of these sizes, in kB, and writes no log. */
export async function startWeb(listen: string[], sizes: readonly number[], within: readonly string[]): Promise<Nginx> {
  const nginx = await startNginx(listen, { within, more: "access_log off; keepalive_requests 10000000;" });
  for (const size of sizes) await Deno.writeFile(`${nginx.root}/${size}k`, new Uint8Array(size * 1024).fill(120));
  return nginx;
}

/** Measures requests a second once. */
export async function measureRequests(
  bench: Bench,
  part: string,
  testbed: Testbed,
  way: Way & { readonly setting: Setting },
  requests: Requests,
): Promise<void> {
  const what = `${part}: ${way.system}, ${requests.clients} clients`;
  await attempt(bench, `${what}, ${requests.kilobytes} kB`, async () => {
    await testbed.settle();
    const text = await request(testbed, way, requests);
    const errors = /^\s*Socket errors: (.*)$/m.exec(text)?.[1];
    if (errors !== undefined) bench.results.failures.push(`${what}: ${errors}`);
    if (/^\s*Non-2xx/m.test(text)) throw new Error("some answers have an error status");
    const rate = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(text)?.[1]);
    bench.results.add(part, way.system, way.setting, "requests", "1/s", rate);
  });
}

/** Makes requests. @returns wrk's output. */
export async function request(
  testbed: Testbed,
  { host, port }: Pick<Way, "host" | "port">,
  { clients, kilobytes, keepAlive, seconds }: Requests,
): Promise<string> {
  const close = keepAlive ? [] : ["-H", "Connection: close"];
  const url = `http://${host}:${port}/${kilobytes}k`;
  const command = ["wrk", "-t1", `-c${clients}`, `-d${seconds}s`, "--timeout", "10s", ...close, url];
  return (await run(command, { within: testbed.near, ms: (seconds + 20) * 1000 })).text();
}
