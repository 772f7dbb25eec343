import { assertEquals, assertThrows } from "@std/assert";
import { readIngressUsers } from "../../src/run/ingress_users.ts";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { readUsersFile } from "../../src/config/file.ts";
import { UsageError } from "../../src/config/problems.ts";

function config(...args: string[]) {
  return parseClientCommand([
    "--server",
    "web=a,b",
    "--socks5",
    "127.0.0.1:1080",
    "--http-connect",
    "127.0.0.1:3128",
    ...args,
  ], () => "");
}

/** Makes three files of users: private, readable by others, and malformed. */
async function withFiles(test: (directory: string) => void): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "micss-test-" });
  try {
    await Deno.writeTextFile(`${directory}/private`, "alice:secret\n", { mode: 0o600 });
    await Deno.writeTextFile(`${directory}/open`, "alice:secret\n", { mode: 0o640 });
    await Deno.writeTextFile(`${directory}/wrong`, "secret\n", { mode: 0o600 });
    await Deno.chmod(`${directory}/open`, 0o640);
    test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a file's users are read; without a file there are none", async () => {
  assertEquals(readIngressUsers(config(), readUsersFile), {});
  await withFiles((directory) => {
    const { socks5, httpConnect } = readIngressUsers(config("--socks5-users", `${directory}/private`), readUsersFile);
    const [alice, secret] = ["alice", "secret"].map((text) => new TextEncoder().encode(text));
    assertEquals([socks5?.verify(alice!, secret!), httpConnect], [true, undefined]);
  });
});

Deno.test({
  name: "a malformed, missing or non-private file is a mistake",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFiles((directory) => {
      const linesOf = (...args: string[]) =>
        assertThrows(() => readIngressUsers(config(...args), readUsersFile), UsageError)
          .lines.map((line) => line.replaceAll(directory, ""));
      assertEquals(linesOf("--socks5-users", `${directory}/open`, "--http-connect-users", `${directory}/none`), [
        'micss client: socks5-users "/open": accessible to users other than its owner; run chmod go= "/open"',
        'micss client: http-connect-users "/none": no such file; give the path of a file of user:password lines',
      ]);
      assertEquals(linesOf("--socks5-users", `${directory}/wrong`), [
        'micss client: socks5-users "/wrong": line 1 has no colon; write user:password',
      ]);
    }),
});
