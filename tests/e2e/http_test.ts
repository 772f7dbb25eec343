import { assert, assertEquals, assertMatch } from "@std/assert";
import { writeAll } from "../../src/net/connection.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { shared, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { connect, drain, pattern, sha256, sha256OfFile } from "../support/programs/tcp.ts";
import { parseAddress } from "../../src/net/address.ts";
import { CURL } from "./core.ts";
import { openForward } from "./paths.ts";

/** A path to an nginx. */
const web = shared(async () => {
  await using making = new AsyncDisposableStack();
  const path = making.use(await openForward());
  const nginx = making.use(await startNginx([path.target]));
  const made = making.move();
  return { path, nginx, [Symbol.asyncDispose]: () => made.disposeAsync() };
});

testWith(["ab", "nginx"], "50 connections at once, 500 in all, get all their answers from nginx", async () => {
  const { path, nginx } = await web();
  await Deno.writeFile(`${nginx.root}/file`, pattern(10_000));
  const report = (await run(["ab", "-q", "-r", "-n", "500", "-c", "50", `http://${path.entry}/file`])).text();
  assertMatch(report, /^Complete requests:\s+500$/m);
  assertMatch(report, /^Failed requests:\s+0$/m);
  assertMatch(report, /^HTML transferred:\s+5000000 bytes$/m);
});

testWith(["curl", "nginx"], "50 downloads at once each get their own file", async () => {
  const { path, nginx } = await web();
  await using directory = await makeTempDir();
  const files = Array.from({ length: 50 }, (_, seed) => pattern(150_000 + seed, seed));
  await Promise.all(files.map((bytes, i) => Deno.writeFile(`${nginx.root}/${i}`, bytes)));
  const fetch = (i: number) => run([...CURL, "--output", `${directory.path}/${i}`, `http://${path.entry}/${i}`]);
  await Promise.all(files.map((_, i) => fetch(i)));
  const got = await Promise.all(files.map((_, i) => sha256OfFile(`${directory.path}/${i}`)));
  assertEquals(got, files.map(sha256));
});

testWith(["curl", "nginx"], "several requests over one connection reach nginx over one connection", async () => {
  const { path, nginx } = await web();
  await Deno.writeTextFile(`${nginx.root}/again`, "again\n");
  const url = `http://${path.entry}/again`;
  assertEquals((await run([...CURL, url, url, url, url])).text(), "again\n".repeat(4));
  const requests = await nginx.requests(4, / \/again /);
  assertEquals(requests.map(({ number }) => number), [1, 2, 3, 4]);
  assertEquals(new Set(requests.map(({ connection }) => connection)).size, 1);
});

testWith(["nginx"], "an application that keeps reading sees the end after nginx closes first", async () => {
  const { path, nginx } = await web();
  await Deno.writeFile(`${nginx.root}/file`, pattern(1_000_000));
  using application = await connect(parseAddress(path.entry));
  await writeAll(application, new TextEncoder().encode("GET /closing/file HTTP/1.1\r\nHost: nginx\r\n\r\n"));
  const { bytes, ending } = await drain(application);
  assertEquals(ending, "end");
  assert(bytes > 1_000_000, `Only ${bytes} bytes came`);
});

testWith(["curl", "nginx"], "curl gets whole files from an nginx that closes after each answer", async () => {
  const { path, nginx } = await web();
  const file = pattern(5_000_000);
  await Deno.writeFile(`${nginx.root}/file`, file);
  for (let i = 0; i < 3; i++) {
    const { stdout } = await run([...CURL, `http://${path.entry}/closing/file`]);
    assertEquals(sha256(stdout), sha256(file));
  }
});

testWith(
  ["curl", "nginx"],
  "HTTP/1.0, in which the end of the connection ends the answer, gets a whole file",
  async () => {
    const { path, nginx } = await web();
    const file = pattern(5_000_000);
    await Deno.writeFile(`${nginx.root}/whole`, file);
    const { stdout } = await run([...CURL, "--http1.0", "--ignore-content-length", `http://${path.entry}/whole`]);
    assertEquals(sha256(stdout), sha256(file));
    assertMatch((await nginx.requests(1, / \/whole /))[0]!.line, /HTTP\/1\.0$/);
  },
);
