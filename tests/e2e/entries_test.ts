import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Address, formatAddress } from "../../src/net/address.ts";
import { Handler, startClient } from "../support/handlers/handlers.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { freePort, shared, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { startSshd } from "../support/programs/sshd.ts";
import { pattern, sha256 } from "../support/programs/tcp.ts";

/** Two handlers on loopback, with every entry at which an application names its destination. */
interface Ways extends AsyncDisposable {
  client: Handler;
  /** `HOST:PORT` of each entry. */
  socks5: string;
  http: string;
  /** Entries that require a password. */
  socks5Users: string;
  httpUsers: string;
}

/** `curl` that ignores configured proxies. */
const CURL = ["curl", "--silent", "--show-error", "--fail", "--globoff", "--noproxy", ""];

/** curl's exit status after a SOCKS proxy's refusal. */
const CURL_SOCKS_REFUSED = 97;

/** Makes curl append the status of an HTTP proxy's answer. */
const TELL_STATUS = ["--write-out", "%{http_connect}"];

/** Ports of 127.0.0.1 for nginx and sshd, and one at which nothing listens. */
const [WEB, SSH, UNUSED] = [0, 0, 0].map(() => freePort("127.0.0.1")) as [number, number, number];

/** Targets, in the flag's syntax; the server's other ports have none. */
const TARGETS = [
  `80=127.0.0.1:${WEB}`,
  `22=127.0.0.1:${SSH}`,
  `84=127.0.0.1:${UNUSED}`,
  "81=203.0.113.1.invalid:81",
];

const openWays = shared(async (): Promise<Ways> => {
  await using making = new AsyncDisposableStack();
  const hosts = ["127.0.0.1", "127.0.0.2", "::1"];
  const port = freePort(...hosts);
  const channels = hosts.map((host) => ({ host, port }));
  const directory = making.use(await makeTempDir());
  await Deno.writeTextFile(`${directory.path}/users`, "alice:se:cret\n", { mode: 0o600 });
  const flags = [channels.map((channel) => ["--channel", formatAddress(channel)]), TARGETS.map((t) => ["--target", t])];
  making.use(await Handler.start("server", flags.flat(2)));
  const start = async (listen: Address[], more: string[]) => {
    const [socks5, http] = listen.map(formatAddress);
    const client = making.use(await startClient(channels, ["--socks5", socks5!, "--http-connect", http!, ...more]));
    return { client, socks5: socks5!, http: http! };
  };
  const listen = Array.from({ length: 4 }, () => ({ host: "127.0.0.1", port: freePort("127.0.0.1") }));
  const users = `${directory.path}/users`;
  const open = await start(listen.slice(0, 2), []);
  const closed = await start(listen.slice(2), ["--socks5-users", users, "--http-connect-users", users]);
  const made = making.move();
  return {
    ...open,
    socks5Users: closed.socks5,
    httpUsers: closed.http,
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
});

/** curl's flags and URLs for each entry. */
const CURLS = [
  ["SOCKS5", ({ socks5 }: Ways) => ["--socks5", socks5], ["http://127.0.0.2/file", "http://[::1]/file"]],
  ["SOCKS5 with names", ({ socks5 }: Ways) => ["--socks5-hostname", socks5], [
    "http://web/file",
    "http://WEB/file",
    "http://127.0.0.1/file",
    "http://[::1]/file",
  ]],
  ["HTTP CONNECT", ({ http }: Ways) => ["--proxytunnel", "--proxy", `http://${http}`], [
    "http://web/file",
    "http://127.0.0.2/file",
    "http://[::1]/file",
  ]],
  ["SOCKS5 with a password", ({ socks5Users }: Ways) => [
    "--proxy",
    `socks5h://${socks5Users}`,
    "--proxy-user",
    "alice:se:cret",
  ], ["http://web/file", "http://[::1]/file"]],
  ["HTTP CONNECT with a password", ({ httpUsers }: Ways) => [
    "--proxytunnel",
    "--proxy",
    `http://${httpUsers}`,
    "--proxy-user",
    "alice:se:cret",
  ], ["http://web/file", "http://127.0.0.1/file"]],
] as const;

testWith(
  ["curl", "nginx"],
  "curl reaches a server by name and by addresses of both families, through every entry",
  async () => {
    await using nginx = await startNginx([`127.0.0.1:${WEB}`]);
    const ways = await openWays();
    const file = pattern(500_000);
    await Deno.writeFile(`${nginx.root}/file`, file);
    for (const [way, flags, urls] of CURLS) {
      for (const url of urls) {
        const { stdout } = await run([...CURL, ...flags(ways), url]);
        assertEquals([stdout.length, sha256(stdout)], [file.length, sha256(file)], `${url} over ${way}`);
      }
    }
  },
);

testWith(["curl"], "curl receives the reason of a failed connection", async () => {
  const ways = await openWays();
  const cases = [
    ["http://web:84/", 5, 502, "the target refuses"],
    ["http://web:81/", 4, 504, "the target is no host"],
    ["http://web:82/", 2, 403, "the server has no target for the port"],
    ["http://203.0.113.1/", 2, 403, "no server is known there"],
    [`http://${ways.socks5}/`, 2, 403, "it is the way in itself"],
  ] as const;
  for (const [url, reply, status, what] of cases) {
    const socks = await run([...CURL, "--socks5-hostname", ways.socks5, url], { mayFail: true });
    assertEquals(socks.code, CURL_SOCKS_REFUSED, `${what}: ${socks.stderr}`);
    assertMatch(socks.stderr, new RegExp(`\\(${reply}\\)`), what);
    const flags = ["--proxytunnel", "--proxy", `http://${ways.http}`, ...TELL_STATUS];
    const http = await run([...CURL, ...flags, url], { mayFail: true });
    assertEquals(http.text(), `${status}`, `${what}: ${http.stderr}`);
  }
});

testWith(["curl"], "curl without the right password is rejected", async () => {
  const ways = await openWays();
  for (const user of [[], ["--proxy-user", "alice:secret"], ["--proxy-user", "bob:se:cret"]]) {
    const socks = await run([...CURL, "--proxy", `socks5h://${ways.socks5Users}`, ...user, "http://web/"], {
      mayFail: true,
    });
    assertEquals(socks.code, CURL_SOCKS_REFUSED, socks.stderr);
    const flags = ["--proxytunnel", "--proxy", `http://${ways.httpUsers}`, ...user, ...TELL_STATUS];
    const http = await run([...CURL, ...flags, "http://web/"], { mayFail: true });
    assertEquals(http.text(), "407", http.stderr);
  }
});

testWith(["curl"], "a request other than CONNECT gets an answer that curl understands", async () => {
  const ways = await openWays();
  const plain = await run(["curl", "--silent", "--include", `http://${ways.http}/`]);
  assertMatch(
    plain.text(),
    /^HTTP\/1\.1 405 Method Not Allowed\r\nAllow: CONNECT\r\n.*only CONNECT is supported\n$/s,
  );
});

for (const [way, protocol] of [["SOCKS5", "5"], ["HTTP CONNECT", "connect"]] as const) {
  testWith(
    ["ssh", "sshd", "ssh-keygen", "nc"],
    `ssh runs a command over ${way}, by nc as its ProxyCommand`,
    async () => {
      await using sshd = await startSshd({}, SSH);
      const ways = await openWays();
      const through = protocol === "5" ? ways.socks5 : ways.http;
      const proxy = ["-o", `ProxyCommand=nc -X ${protocol} -x ${through} %h %p`];
      const [ssh, ...login] = sshd.login(22);
      const input = pattern(1_000_000);
      const { stdout } = await run([ssh!, ...proxy, ...login.slice(0, -1), "web", "cat"], { input });
      assertEquals(sha256(stdout), sha256(input));
    },
  );
}

testWith(["curl"], "the log has the requested destination and never a password", async () => {
  const ways = await openWays();
  await run([...CURL, "--socks5-hostname", ways.socks5, "http://elsewhere.invalid/"], { mayFail: true });
  await ways.client.waitForLog("connection refused", { destination: "elsewhere.invalid:80" });
  await run([
    "curl",
    "--silent",
    "--proxy-user",
    "x:s3cret",
    "--proxytunnel",
    "--proxy",
    `http://${ways.http}`,
    "http://web:83/",
  ], {
    mayFail: true,
  });
  await ways.client.waitForLog(/session/, { server: "web", port: 83 });
  assert(!ways.client.describe().includes("s3cret"));
  assert(!ways.client.describe().includes(btoa("x:s3cret")));
});
