import { assertEquals, assertMatch } from "@std/assert";
import { makeTempDir } from "../support/programs/process.ts";
import { runMicss } from "../support/programs/cli.ts";

Deno.test("keygen generates a key and prints the flags that use its files", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/web.key`;
  const pair = await runMicss("keygen", "ed25519", "--out", path, "--comment", "web server");
  assertEquals([pair.status, pair.err], [0, ""]);
  const [first, server, client] = pair.out.split("\n");
  assertMatch(first!, new RegExp(`^key [0-9a-f]{16} in ${path} and ${path}\\.pub$`));
  assertEquals(server, `server: micss server --key ${path}`);
  assertEquals(client, `client: micss client --identify ADDRESS=${path}.pub (public)`);
  assertMatch(Deno.readTextFileSync(path), / web server\n$/);

  const secret = await runMicss("keygen", "--out", `${path}2`, "hmac");
  assertEquals([secret.status, secret.err], [0, ""]);
  assertMatch(secret.out, /\(secret: anyone who has it can pose as the server\)\n$/);
  assertEquals(Deno.readTextFileSync(`${path}2`).split(" ").length, 2);
  // The output contains no part of a secret.
  for (const file of [path, `${path}2`]) {
    const [, material] = Deno.readTextFileSync(file).trim().split(" ");
    assertEquals([pair.out.includes(material!), secret.out.includes(material!)], [false, false]);
  }
});

Deno.test("keygen never overwrites a file, and exits 1", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/key`;
  assertEquals((await runMicss("keygen", "hmac", "--out", path)).status, 0);
  const before = Deno.readTextFileSync(path);
  assertEquals(await runMicss("keygen", "hmac", "--out", path), {
    status: 1,
    out: "",
    err: `micss keygen: ${path}: exists, and keys are never overwritten; give another --out\n`,
  });
  assertEquals(Deno.readTextFileSync(path), before);
});

Deno.test("bad input to keygen is reported in one line and exits 2", async () => {
  const cases: [string[], string][] = [
    [[], "micss keygen: no key type given; write micss keygen hmac or micss keygen ed25519"],
    [["rsa"], 'micss keygen: "rsa": unknown key type; write micss keygen hmac or micss keygen ed25519'],
    [["ed2519"], 'micss keygen: "ed2519": unknown key type; did you mean ed25519?'],
    [["hmac", "ed25519"], 'micss keygen: "ed25519": unexpected second argument; give only one'],
    [["hmac", "--otu", "x"], "micss keygen: --otu: unknown flag; did you mean --out?"],
    [
      ["hmac", "--comment", "a\nb"],
      'micss keygen: --comment "a\\nb": not a valid comment; write one line of up to 200 characters',
    ],
  ];
  for (const [args, line] of cases) {
    const { status, out, err } = await runMicss("keygen", ...args);
    assertEquals([status, out, err.split("\n").at(-2)], [2, "", line], args.join(" "));
  }
});
