/** Clients with keys, rotated and revoked while real programs transfer: micss keygen, curl, nginx. */
import { assertEquals, assertMatch } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { Handler, micssCommand } from "../support/handlers/handlers.ts";
import { run } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { assertResetsCurl, CURL } from "./core.ts";
import { Download, type FromFiles, startFromFiles } from "./signals.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Makes keys with micss keygen. @returns Their ids. */
async function keygen(path: string, ...names: string[]): Promise<string[]> {
  const micss = await micssCommand();
  const outputs = await Promise.all(
    names.map((name) => run([...micss, "keygen", "ed25519", "--out", `${path}/${name}`], { cwd: ROOT })),
  );
  return outputs.map((output) => /^key (\w+)/.exec(output.text())![1]!);
}

/** Rewrites the server's file with keys and clients, by their names. */
async function admit(pair: FromFiles, keys: string[], clients: Record<string, string[]>): Promise<void> {
  const files = (names: string[]) => `[${names.map((name) => `"${pair.path}/${name}"`).join(", ")}]`;
  const listed = Object.entries(clients).map(([name, keys]) => `${name}: {keys: ${files(keys)}}`).join(", ");
  await pair.writeServer(`{80: "${pair.targets[0]}"}`, `keys: ${files(keys)}\nclients: {${listed}}`);
}

async function reload(pair: FromFiles, handler: Handler, count: number): Promise<void> {
  handler.signal("SIGHUP");
  await handler.waitForLogs(count, "reloaded").catch((error) => {
    throw new Error(pair.describe(), { cause: error });
  });
}

/** Rewrites the client's file with a key of the server, and one of its own. */
async function believe(pair: FromFiles, serverKey: string, clientKey?: string): Promise<void> {
  const channels = `[${pair.channels.map(formatAddress).join()}]`;
  const own = clientKey === undefined ? "" : `client-key: "${pair.path}/${clientKey}"`;
  await pair.writeClient(`{web: {channels: ${channels}, key: "${pair.path}/${serverKey}.pub"}}`, own);
}

testWith(
  ["curl", "nginx"],
  "clients' keys are rotated and revoked while curl downloads; a stranger with every address reaches nothing",
  async () => {
    await using pair = await startFromFiles();
    const { path, targets: [target] } = pair;
    const [, , bobId] = await keygen(path, "server.key", "alice.key", "bob.key", "alice2.key", "server2.key");
    const entry = `127.0.0.1:${freePort("127.0.0.1")}`;
    // The server begins to require clients: the client without a key is a stranger from then on.
    await admit(pair, ["server.key"], { alice: ["alice.key.pub"] });
    await reload(pair, pair.server, 1);
    await assertResetsCurl(`http://${pair.entries[0]}/file`, {});
    const refused = await pair.client.waitForLog("association failed", {
      reason: "the server handler admits only clients that it knows",
    });
    assertMatch(String(refused["hint"]), /--client-key/);
    await pair.server.waitForLog("client refused", { reason: "the client did not authenticate" });

    await believe(pair, "server.key", "alice.key");
    await reload(pair, pair.client, 1);
    await using bob = await Handler.start("client", [
      ...["--forward", `${entry}=web:80`, "--config", await bobsFile(path, pair)],
    ]);
    {
      await using download = await Download.begin(pair.entries[0], target, pair);
      await pair.server.waitForLog("client authenticated", { name: "alice" });
      // Bob's key is not known; then it is, and the server's and Alice's keys are rotated: her download goes on.
      await assertResetsCurl(`http://${entry}/file`, {});
      await pair.server.waitForLog("client refused", { reason: `the client has the unknown key ${bobId}` });
      const both = { alice: ["alice.key.pub", "alice2.key.pub"], bob: ["bob.key.pub"] };
      await admit(pair, ["server2.key", "server.key"], both);
      await reload(pair, pair.server, 2);
      await believe(pair, "server2.key", "alice2.key");
      await reload(pair, pair.client, 2);
      await download.finish();
    }

    await using nginx = await startNginx([target]);
    await Deno.writeTextFile(`${nginx.root}/file`, "whole");
    for (const at of [pair.entries[0], entry]) {
      assertEquals((await run([...CURL, `http://${at}/file`])).text(), "whole", pair.describe());
    }
    await pair.server.waitForLog("client authenticated", { name: "bob" });

    // Bob is revoked while he downloads, and Alice's and the server's old keys with him.
    await Deno.writeFile(`${nginx.root}/large`, new Uint8Array(50_000_000));
    const revoked = run([...CURL, "--limit-rate", "1M", "--output", "/dev/null", `http://${entry}/large`], {
      mayFail: true,
    });
    await pair.server.waitForLogs(2, "session", { name: "bob" });
    await admit(pair, ["server2.key"], { alice: ["alice2.key.pub"] });
    await reload(pair, pair.server, 3);
    assertEquals((await revoked).code, 56, "curl's connection was reset");
    await pair.server.waitForLog("client refused", { reason: "bob is not admitted any more" });
    await assertResetsCurl(`http://${entry}/file`, {});
    assertEquals((await run([...CURL, `http://${pair.entries[0]}/file`])).text(), "whole", pair.describe());
    await bob.waitForLog("association failed", { reason: "the server handler has removed this client" });
  },
);

/** A client's file with Bob's key, for flags to complete. */
async function bobsFile(path: string, pair: FromFiles): Promise<string> {
  const file = `${path}/bob.yaml`;
  const channels = `[${pair.channels.map(formatAddress).join()}]`;
  await Deno.writeTextFile(
    file,
    `servers: {web: {channels: ${channels}, key: "${path}/server.key.pub"}}\nclient-key: "${path}/bob.key"\n`,
  );
  return file;
}

Deno.test("a server handler that admits everyone says so at its start, unless that is meant or on loopback", async () => {
  const { warnOfOpenServer } = await import("../../src/run/server_program.ts");
  const lines: unknown[] = [];
  const log = { warn: (event: string, fields: unknown) => lines.push([event, fields]) } as never;
  const channels = [{ host: "127.0.0.1", port: 6522 }, { host: "192.0.2.1", port: 6522 }];
  for (const clients of ["anyone", []] as const) warnOfOpenServer(log, { channels, clients });
  warnOfOpenServer(log, { channels: channels.slice(0, 1) });
  assertEquals(lines, []);
  warnOfOpenServer(log, { channels });
  assertEquals(lines.length, 1);
  assertMatch(JSON.stringify(lines), /any client may connect.*clients: anyone/);
});
