import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { makeTempDir } from "../support/programs/process.ts";
import { runMicss } from "../support/programs/cli.ts";

const SERVER = "channels: [127.0.0.1, 127.0.0.2]\ntargets: { 80: 127.0.0.1:8080 }\n";
const CLIENT = "servers: { web: [192.0.2.10, 198.51.100.10] }\nforward: [127.0.0.1:8080=web:80]\n";

/** Writes files to a temporary directory. @returns The path of the first one. */
async function written(stack: AsyncDisposableStack, files: Record<string, string>): Promise<string> {
  const { path } = stack.use(await makeTempDir());
  for (const [name, text] of Object.entries(files)) {
    // Keys and passwords must be private; the mode does no harm to the rest.
    await Deno.writeTextFile(`${path}/${name}`, text.replaceAll("DIR", path), { mode: 0o600 });
  }
  return `${path}/${Object.keys(files)[0]}`;
}

Deno.test("check tells a server's file from a client's and reports a valid one", async () => {
  await using stack = new AsyncDisposableStack();
  for (const [text, side] of [[SERVER, "server"], [CLIENT, "client"]] as const) {
    const path = await written(stack, { "f.yaml": text });
    const fine = { status: 0, out: `${path}: valid ${side} configuration\n`, err: "" };
    assertEquals(await runMicss("check", path), fine);
    assertEquals(await runMicss("check", side, path), fine);
  }
});

Deno.test("check reports every mistake with its line and field and exits 2", async () => {
  await using stack = new AsyncDisposableStack();
  const path = await written(stack, {
    "f.yaml": "channels:\n  - 127.0.0.1\n  - 127.0.0.2:x\ntargets:\n  80: a\ntimeouts:\n  hanshake: 5s\n",
  });
  assertEquals(await runMicss("check", path), {
    status: 2,
    out: "",
    err: `micss: ${path}:3: channels.1: not an address: "127.0.0.2:x"; write HOST:PORT\n` +
      `micss: ${path}:7: timeouts.hanshake: unknown key; did you mean handshake?\n`,
  });
  assertEquals(
    await runMicss("check", await written(stack, { "g.yaml": "channels: [127.0.0.1, 127.0.0.2]\n" })).then(
      ({ err }) => err.replace(/\/\S+\//, ""),
    ),
    "micss: g.yaml: no target; give at least one, such as 80=127.0.0.1:8080\n",
  );
});

Deno.test("check reports short shares with a threshold", async () => {
  await using stack = new AsyncDisposableStack();
  const path = await written(stack, {
    "f.yaml": "servers: { web: [192.0.2.1, 192.0.2.2, 192.0.2.3] }\nforward: [127.0.0.1:8080=web:80]\nshares: short\n",
  });
  assertEquals((await runMicss("check", path)).status, 0);
  await Deno.writeTextFile(path, "threshold: 2\n", { append: true });
  const { status, err } = await runMicss("check", path);
  assertEquals(status, 2);
  assertStringIncludes(err, "shares short with threshold 2, but all short shares are needed; leave one of them out");
});

Deno.test("check recognises misspelt keys, and asks for the side where it can't tell", async () => {
  await using stack = new AsyncDisposableStack();
  const hint = "write micss check server FILE or micss check client FILE";
  for (
    const [text, said] of [
      ["forwrad: [a:1=b:2]\n", ":1: forwrad: unknown key; did you mean forward?"],
      ["chanels: [a, b]\n", ":1: chanels: unknown key; did you mean channels?"],
      ["log: { level: info }\n", `: settings of neither a server nor a client; ${hint}`],
      ["", `: settings of neither a server nor a client; ${hint}`],
      ["targets: { 80: a }\nforward: [a:1=b:2]\n", `: settings of both a server and a client; ${hint}`],
      ["- a\n", ":1: not a map; write KEY: VALUE lines"],
      ["a: [\n", ":2: "],
    ] as const
  ) {
    const path = await written(stack, { "f.yaml": text });
    const { status, out, err } = await runMicss("check", path);
    assertEquals([status, out], [2, ""]);
    assertStringIncludes(err, `micss: ${path}${said}`);
  }
  const empty = await written(stack, { "f.yaml": "log: { level: info }\n" });
  assertStringIncludes((await runMicss("check", "client", empty)).err, `micss: ${empty}: no server; give at least one`);
});

Deno.test("check names the command for the other handler's file", async () => {
  await using stack = new AsyncDisposableStack();
  const cases = [[SERVER, "client", "server", "channels"], [CLIENT, "server", "client", "servers"]] as const;
  for (const [text, side, other, key] of cases) {
    const path = await written(stack, { "f.yaml": text });
    assertEquals(await runMicss("check", side, path), {
      status: 2,
      out: "",
      err: `micss: ${path}: a ${other}'s configuration, as it sets ${key}; write micss check ${other} FILE\n`,
    });
  }
});

Deno.test("check verifies that files of keys and users exist and are private and valid", async () => {
  await using stack = new AsyncDisposableStack();
  const server = await written(stack, {
    "server.yaml": `${SERVER}keys:\n  - DIR/open.key\n  - DIR/none.key\n  - DIR/hmac.key\n`,
  });
  const dir = server.replace(/\/[^/]*$/, "");
  for (const name of ["open", "hmac"]) await runMicss("keygen", "hmac", "--out", `${dir}/${name}.key`);
  await Deno.chmod(`${dir}/open.key`, 0o644);
  assertEquals((await runMicss("check", server)).err.split("\n"), [
    `micss: ${server}:4: keys.0 "${dir}/open.key": a secret that users other than its owner can access; chmod 600 ${dir}/open.key`,
    `micss: ${server}:5: keys.1 "${dir}/none.key": no such file or directory; give the path of a key's file`,
    "",
  ]);
  const client = await written(stack, {
    "client.yaml": `${CLIENT}keys:\n  192.0.2.1: DIR/none.key\nsocks5: [127.0.0.1:1080]\nsocks5-users: DIR/users\n`,
    users: "no colon\n",
  });
  const { status, err } = await runMicss("check", client);
  assertEquals(status, 2);
  const at = client.replace(/\/[^/]*$/, "");
  assertMatch(err, new RegExp(`^micss: ${client}:4: keys\\.192\\.0\\.2\\.1 "${at}/none\\.key": no such file`, "m"));
  assertMatch(err, new RegExp(`^micss: ${client}:6: socks5-users "${at}/users": `, "m"));
});

Deno.test("check warns of addresses that are not assigned to this machine and of names that do not resolve", async () => {
  await using stack = new AsyncDisposableStack();
  const path = await written(stack, {
    "f.yaml": "channels: [127.0.0.1, 203.0.113.9]\ntargets: { 80: unknown.invalid }\n",
  });
  const { status, out, err } = await runMicss("check", path);
  assertEquals([status, out], [0, `${path}: valid server configuration, 2 warnings\n`]);
  const [first, second] = err.split("\n");
  assertEquals(
    first,
    `micss: ${path}:1: channels.1: warning: 203.0.113.9 is not assigned to this machine; the handler will not start`,
  );
  assertStringIncludes(second!, `micss: ${path}:2: targets.80: warning: unknown.invalid: `);
});

Deno.test("check warns of a channel's way that this machine does not have, and --strict fails on it", async () => {
  await using stack = new AsyncDisposableStack();
  const path = await written(stack, { "f.yaml": CLIENT.replace("192.0.2.10", "192.0.2.10 via wlan9") });
  const { status, out, err } = await runMicss("check", path);
  assertEquals([status, out], [0, `${path}: valid client configuration, 1 warning\n`]);
  assertMatch(
    err,
    /^micss: \S+:1: servers\.web\.0: warning: no device wlan9 has an address on this machine, only .*\blo\b/,
  );
  assertEquals((await runMicss("check", "--strict", path)).status, 2);
});

Deno.test("check --strict fails on warnings as on mistakes, and passes without either", async () => {
  await using stack = new AsyncDisposableStack();
  const fine = await written(stack, { "f.yaml": SERVER });
  assertEquals((await runMicss("check", fine, "--strict")).status, 0);
  const path = await written(stack, { "g.yaml": SERVER.replace("127.0.0.2", "203.0.113.9") });
  assertEquals((await runMicss("check", path)).status, 0);
  const { status, out, err } = await runMicss("check", "--strict", path);
  assertEquals([status, out], [2, ""]);
  assertMatch(err, /^micss: \S+:1: channels\.1: warning: 203\.0\.113\.9 [^\n]*\n$/);
  const json = await runMicss("check", path, "--strict", "--json");
  const { fine: said, mistakes, warnings } = JSON.parse(json.out);
  assertEquals([json.status, said, mistakes.length, warnings.length], [2, false, 0, 1]);
});

Deno.test("check --json prints one object with lines, fields and messages", async () => {
  await using stack = new AsyncDisposableStack();
  const path = await written(stack, { "f.yaml": "channels: [a, b]\ntargets: { 80: x:y }\n" });
  const { status, out, err } = await runMicss("check", path, "--json");
  assertEquals([status, err], [2, ""]);
  assertEquals(JSON.parse(out), {
    file: path,
    kind: "server",
    fine: false,
    mistakes: [{ line: 2, field: "targets.80", message: 'not an address: "x:y"; write HOST:PORT' }],
    warnings: [],
  });
  const warned = await written(stack, { "g.yaml": SERVER.replace("127.0.0.2", "203.0.113.9") });
  const report = JSON.parse((await runMicss("check", "--json", warned)).out);
  assertEquals([report.fine, report.warnings], [true, [{
    line: 1,
    field: "channels.1",
    message: "203.0.113.9 is not assigned to this machine; the handler will not start",
  }]]);
});

Deno.test("check takes one file, after an optional side", async () => {
  for (
    const [args, line] of [
      ["", "micss check: no file given; write micss check FILE"],
      ["a b", 'micss check: "b": unexpected argument; write micss check [server|client] FILE'],
      ["server a b", 'micss check: "b": unexpected argument; write micss check [server|client] FILE'],
      ["/nowhere/f.yaml", 'micss check: "/nowhere/f.yaml": no such file; give the path of a YAML file'],
      ["server", 'micss check: "server": no such file; give the path of a YAML file'],
      ["a --jsno", "micss check: --jsno: unknown flag; did you mean --json?"],
    ] as const
  ) {
    assertEquals(await runMicss("check", ...args.split(" ").filter(Boolean)), { status: 2, out: "", err: `${line}\n` });
  }
});

Deno.test("check reads the keys of clients and servers, and finds those that two have in common", async () => {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await makeTempDir());
  for (const [name, method] of [["own", "ed25519"], ["alice", "ed25519"], ["pair", "hmac"]] as const) {
    await runMicss("keygen", method, "--out", `${path}/${name}`);
  }
  const outcome = async (text: string) => {
    const file = await written(stack, { "f.yaml": text.replaceAll("KEYS", path) });
    const { status, err } = await runMicss("check", file);
    return [status, err.replaceAll(file, "f.yaml").replaceAll(path, "KEYS")];
  };
  const server = (clients: string) => `${SERVER}keys: [KEYS/own]\nclients: ${clients}\n`;
  assertEquals(await outcome(server("{ alice: KEYS/alice.pub, bob: { keys: [KEYS/pair], ports: [80] } }")), [0, ""]);
  assertEquals(await outcome(server("anyone")), [0, ""]);
  assertEquals(await outcome(server("{ alice: KEYS/alice }")), [
    2,
    'micss: f.yaml:4: clients.alice "KEYS/alice": the private half, which only its owner has; give the public half, FILE.pub\n',
  ]);
  assertEquals(await outcome(server("{ alice: KEYS/alice.pub, bob: KEYS/alice.pub }")), [
    2,
    'micss: f.yaml:4: clients.bob "KEYS/alice.pub": the key of bob is also that of alice; give each a key of its own\n',
  ]);
  assertEquals(await outcome(server("{ alice: { ports: [80] } }")), [
    2,
    "micss: f.yaml:4: clients.alice: alice has no key; give keys: [FILE]\n",
  ]);

  const client = (servers: string, more = "") => `servers: {${servers}}\nforward: ["127.0.0.1:8080=web:80"]\n${more}`;
  const channels = "channels: [192.0.2.10, 198.51.100.10]";
  const web = `web: {${channels}, key: KEYS/own.pub}`;
  assertEquals(await outcome(client(web, "client-key: KEYS/alice\n")), [0, ""]);
  assertEquals(await outcome(client(web, "client-key: KEYS/alice.pub\n")), [
    2,
    'micss: f.yaml:3: client-key "KEYS/alice.pub": the public half, which proves nothing; give the private half\n',
  ]);
  assertEquals(await outcome(client(`web: {${channels}}`, "client-key: KEYS/alice\n")), [
    2,
    "micss: f.yaml:3: client-key: used only with servers whose keys are known; give servers.NAME.key\n",
  ]);
  const two = `web: {${channels}, key: KEYS/pair}, mail: {channels: [192.0.2.11, 198.51.100.11], key: KEYS/pair}`;
  assertEquals(await outcome(client(two)), [
    2,
    'micss: f.yaml:1: servers.mail "KEYS/pair": also the key of web, which could pose as this client; give each server its own\n',
  ]);
});
