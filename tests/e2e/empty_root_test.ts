/** The executable in a distroless image's environment, or less. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { type EmptyRoot, makeEmptyRoot, NONROOT } from "../support/system/empty_root.ts";
import { buildExecutable, COMPILER } from "../support/programs/executable.ts";
import { Handler, startClient } from "../support/handlers/handlers.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { pattern, sha256, sha256OfFile } from "../support/programs/tcp.ts";
import { assertResetsCurl, CURL } from "./core.ts";

const executable = await buildExecutable();

const NEEDS = ["network namespaces", "ldd", ...(executable === undefined ? [COMPILER] : [])];

testWith(NEEDS, "the executable runs with nothing but the C library", async () => {
  await using root = await makeEmptyRoot(executable!);
  const { within } = root;
  assertMatch((await run([root.executable, "version"], { within })).text(), /^micss \d/);
  const unknown = await run([root.executable, "channels", "list"], { within, mayFail: true });
  assertEquals([unknown.code, unknown.stderr], [0, "no learned channels in /var/lib/micss/channels.db\n"]);
});

testWith(
  ["curl", "nginx", ...NEEDS],
  "two handlers in an empty, read-only root, without rights, home or environment, carry traffic",
  async () => {
    await using root = await makeEmptyRoot(executable!);
    const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    const port = freePort(...hosts);
    const channels = hosts.map((host) => ({ host, port }));
    const target = `127.0.0.1:${freePort("127.0.0.1")}`;
    const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
    const admin = `127.0.0.1:${freePort("127.0.0.1")}`;
    await using server = await Handler.start(
      "server",
      [...channels.flatMap((channel) => ["--channel", formatAddress(channel)]), "--target", `80=${target}`]
        .concat("--admin", admin),
      root,
    );
    await using client = await startClient(channels, ["--forward", `${formatAddress(entry)}=web:80`], root);
    for (const handler of [server, client]) await assertConfined(handler, root);

    // Resets use calls of the C library.
    await assertResetsCurl(`http://${formatAddress(entry)}/file`, {});
    await using nginx = await startNginx([target]);
    await using directory = await makeTempDir();
    const file = pattern(20_000_000);
    await Deno.writeFile(`${nginx.root}/file`, file);
    await run([...CURL, "--output", `${directory.path}/file`, `http://${formatAddress(entry)}/file`]);
    assertEquals(await sha256OfFile(`${directory.path}/file`), sha256(file));
    // The executable embeds the page and its files; containers reach them the same way.
    for (const path of ["/", "/app.js", "/style.css", "/icon.svg", "/uplot.js", "/uplot.css", "/healthz", "/metrics"]) {
      assert((await run([...CURL, `http://${admin}${path}`])).text().length > 0, path);
    }
    assertMatch((await run([root.executable, "status", "--admin", admin], root)).text(), /^server /);
    assertEquals([await client.end(), await server.end()], [0, 0]);
  },
);

/** Asserts that a handler has no capabilities, and no library besides those in the root: its pads are the system's. */
async function assertConfined(handler: Handler, root: EmptyRoot): Promise<void> {
  const { pid } = (await handler.waitForLog("ready")) as unknown as { pid: number };
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  assertMatch(status, new RegExp(`^Uid:\\t(${NONROOT}\\t){3}${NONROOT}$`, "m"));
  assertMatch(status, new RegExp(`^Gid:\\t(${NONROOT}\\t){3}${NONROOT}$`, "m"));
  assertMatch(status, /^Groups:\s*$/m);
  assertMatch(status, /^CapEff:\t0+$/m);
  assertMatch(status, /^NoNewPrivs:\t1$/m);
  const libraries = (await Deno.readTextFile(`/proc/${pid}/maps`)).match(/\S+\.so[.\d]*$/gm)!;
  assert(libraries.some((path) => path.endsWith("/libc.so.6")), root.executable);
  assert(!libraries.some((path) => path.includes("libcrypto")), libraries.join());
}
