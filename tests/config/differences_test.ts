import { assertEquals } from "@std/assert";
import { clientProgram } from "../../src/run/client_program.ts";
import { serverProgram } from "../../src/run/server_program.ts";
import { differences } from "../../src/config/differences.ts";
import { serverSpec } from "../../src/config/server.ts";
import { parseConfig } from "../../src/config/load.ts";
import { makeTempDir } from "../support/programs/process.ts";

function configured(yaml: string) {
  return parseConfig("", serverSpec, ["--config", "s"], () => `channels: [192.0.2.1, 192.0.2.2]\n${yaml}`);
}

Deno.test("differing settings are named by their keys in the file, including those of groups", () => {
  const before = configured("targets: {80: 127.0.0.1}\nlog: {level: info}");
  assertEquals(differences(serverSpec.schema, before, before), []);
  const after = configured(
    "targets: {81: 127.0.0.1}\nlog: {level: quiet}\ntimeouts: {connect: 3s}\nadmin: 127.0.0.1:1\nlimits: {waiting: 9}",
  );
  const found = ["targets", "limits.waiting", "timeouts.connect", "admin", "log.level"];
  assertEquals(differences(serverSpec.schema, before, after), found);
  assertEquals(differences(serverSpec.schema, after, before), found);
});

Deno.test("changed content of a key or users file counts as a difference of the setting that names it", async () => {
  await using directory = await makeTempDir();
  const [users, key] = ["users", "key"].map((name) => `${directory.path}/${name}`) as [string, string];
  const write = async (path: string, text: string) => {
    await Deno.writeTextFile(path, text);
    await Deno.chmod(path, 0o600);
  };
  const keyText = (byte: number) => `micss-hmac-v1 ${new Uint8Array(32).fill(byte).toBase64()}\n`;
  const client = clientProgram(["--identify", `192.0.2.1=${key}`, "--socks5=127.0.0.1:1", `--socks5-users=${users}`]);
  const server = serverProgram(["--channel=192.0.2.1", "--channel=192.0.2.2", "--target=80=127.0.0.1", "--key", key]);
  await write(users, "one:1\ntwo:2\n");
  await write(key, keyText(1));
  const before = { client: await client.load(), server: await server.load() };
  await write(users, "two:2\none:1\n");
  assertEquals(client.differences(before.client, await client.load()), []);
  await write(users, "one:1\ntwo:3\n");
  await write(key, keyText(2));
  assertEquals(client.differences(before.client, await client.load()), ["keys", "socks5-users"]);
  assertEquals(server.differences(before.server, await server.load()), ["keys"]);
});
