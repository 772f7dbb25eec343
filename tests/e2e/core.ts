import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseAddress } from "../../src/net/address.ts";
import { makeTempDir, run, type RunOptions } from "../support/programs/process.ts";
import { type Need, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { applicationCommand, startTarget } from "../support/programs/peer.ts";
import { pattern, sha256, sha256OfFile } from "../support/programs/tcp.ts";
import type { Path } from "./paths.ts";

/** curl's exit statuses for failures to connect, to send, and to receive. */
const CURL_FAILURES = [7, 55, 56];

/** Silent `curl` that fails on HTTP errors and ignores proxies. */
export const CURL = ["curl", "--silent", "--show-error", "--fail", "--globoff", "--noproxy", "*"];

/**
 * Registers the tests that every path through MICSS must pass, regardless of its entry and addresses.
 *
 * @param over Describes the path at the end of each test's name.
 * @param needs Requirements of `open`.
 * @param open Opens a path, or gives one that tests share; the end of the file's tests closes it.
 * @param megabytes What curl downloads and uploads. Default: three times as much as both handlers and all sockets hold.
 */
export function testCore(over: string, needs: Need[], open: () => Promise<Path>, megabytes = 40): void {
  const what = `curl downloads ${megabytes} MB from nginx ${over}, and uploads as much`;
  testWith(["curl", "nginx", ...needs], what, async () => {
    const path = await open();
    await using nginx = await startNginx([path.target], path.far);
    await using directory = await makeTempDir();
    const [there, here] = [`${nginx.root}/file`, `${directory.path}/file`];
    const downloaded = await writeRandomFile(there, megabytes * 1_000_000);
    await run([...CURL, "--output", here, `http://${path.entry}/file`], path.near);
    assertEquals(await sha256OfFile(here), downloaded);
    const uploaded = await writeRandomFile(here, megabytes * 1_000_000);
    await run([...CURL, "--upload-file", here, `http://${path.entry}/file`], path.near);
    assertEquals(await sha256OfFile(there), uploaded);
  });

  testWith(["nc", ...needs], `ends arrive as they are ${over}: a half-close, and resets from both sides`, async () => {
    const path = await open();
    const [request, reply] = [pattern(1_000_000), pattern(10_000_000)];
    const targets = ["reply", "hold", "hang-up"] as const;
    await using target = await startTarget(targets, path.target, { ...path.far, size: reply.length });
    const { host, port } = parseAddress(path.entry);
    // The target replies only after nc has half-closed.
    const { stdout } = await run(["nc", "-N", host, `${port}`], { ...path.near, input: request });
    assertEquals(await target.waitForLine(/^received/), `received ${request.length} ${sha256(request)} end`);
    assertEquals([stdout.length, sha256(stdout)], [reply.length, sha256(reply)]);
    const application = await run(applicationCommand(["break-off", "answer"], path.entry), path.near);
    await target.waitForLine(/^received .* reset$/);
    assertMatch(application.text(), /^received .* reset$/m);
  });
}

/** Asserts that curl's request for `url` is reset. */
export async function assertResetsCurl(url: string, options: RunOptions): Promise<void> {
  const { code, stderr } = await run([...CURL, "--verbose", url], { ...options, mayFail: true });
  // The reset may arrive while curl still connects or sends.
  assert(CURL_FAILURES.includes(code), `curl ended with ${code}: ${stderr}`);
  assertMatch(stderr, /reset by peer/i);
}

/** Writes a file of random bytes. @returns Their SHA-256, in hex. */
async function writeRandomFile(path: string, size: number): Promise<string> {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  await Deno.writeFile(path, bytes);
  return sha256(bytes);
}
