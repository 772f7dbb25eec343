/** SIGHUP with real processes while curl transfers through them. */
import { assertEquals, assertMatch } from "@std/assert";
import { run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { assertResetsCurl, CURL } from "./core.ts";
import { Download, startFromFiles } from "./signals.ts";

testWith(
  ["curl", "nginx"],
  "a download continues through reloads of both handlers; the next connection uses the new settings",
  async () => {
    await using pair = await startFromFiles();
    const [old, fresh] = pair.targets;
    await using nginx = await startNginx([fresh]);
    await Deno.writeTextFile(`${nginx.root}/file`, "whole");
    const [first, second] = pair.entries.map((entry) => `http://${entry}/file`);
    await using download = await Download.begin(pair.entries[0], old, pair);
    await assertResetsCurl(second!, {});

    await pair.writeServer(`{81: "${fresh}"}`, "log: {level: debug}");
    pair.server.signal("SIGHUP");
    await pair.server.waitForLog("reloaded");
    await pair.writeClient(undefined, "warm: 0");
    pair.client.signal("SIGHUP");
    await pair.client.waitForLog("reloaded");
    assertEquals((await run([...CURL, second!])).text(), "whole");
    await assertResetsCurl(first!, {});
    await download.finish();
    await pair.server.waitForLog("session ended", { target: old });
  },
);

testWith(["curl", "nginx"], "an invalid file is rejected, line by line, and the settings stay", async () => {
  await using pair = await startFromFiles();
  await using nginx = await startNginx([pair.targets[0]]);
  await Deno.writeTextFile(`${nginx.root}/file`, "whole");
  const fetchFile = async () => (await run([...CURL, `http://${pair.entries[0]}/file`])).text();
  assertEquals(await fetchFile(), "whole");

  await pair.writeServer(`{80: "nowhere:0", http: "127.0.0.1:1"}`);
  pair.server.signal("SIGHUP");
  const { reason } = await pair.server.waitForLog("not reloaded", { level: "error", reason: /targets\.http/ });
  assertMatch(String(reason), /^micss: \/.*server\.yaml:2: targets\.http: not a port: "http"; write a number/);
  assertEquals((await pair.server.waitForLogs(2, "not reloaded")).length, 2);
  await pair.writeClient("{web: [127.0.0.1]}");
  pair.client.signal("SIGHUP");
  await pair.client.waitForLog("not reloaded", { reason: /only one channel/ });
  assertEquals(await fetchFile(), "whole");

  // A corrected file is accepted.
  await pair.writeServer(`{81: "${pair.targets[0]}"}`);
  pair.server.signal("SIGHUP");
  await pair.server.waitForLog("reloaded");
  await assertResetsCurl(`http://${pair.entries[0]}/file`, {});
});

testWith(
  ["curl", "nginx"],
  "changed listening addresses need a restart: a line says so, and the other settings apply",
  async () => {
    await using pair = await startFromFiles();
    await using nginx = await startNginx([pair.targets[0]]);
    await Deno.writeTextFile(`${nginx.root}/file`, "whole");
    await pair.writeClient(undefined, "socks5: [127.0.0.1:1]");
    pair.client.signal("SIGHUP");
    const line = await pair.client.waitForLog("reloaded");
    assertEquals([line.changed, line["restart-needed"], line.level], ["nothing", "socks5", "warn"]);
    assertEquals((await run([...CURL, `http://${pair.entries[0]}/file`])).text(), "whole");
  },
);
