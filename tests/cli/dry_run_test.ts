import { assertEquals, assertMatch } from "@std/assert";
import { runMicss } from "../support/programs/cli.ts";
import { makeTempDir } from "../support/programs/process.ts";

const SERVER = "--channel 127.0.0.1 --channel 127.0.0.2 --target 80=127.0.0.1:8080";
const CLIENT = "--server web=192.0.2.10,198.51.100.10 --forward 127.0.0.1:8080=web:80";

/** Runs a dry run, which exits by itself, unlike a handler that has started. */
const dryRun = (side: string, flags: string) => runMicss(side, "--dry-run", ...flags.split(" "));

Deno.test("a dry run of the server prints its plan and exits 0", async () => {
  const flags = "--target *=127.0.0.3,proxy --udp-target 53=127.0.0.4 --admin unix:/run/micss.sock";
  assertEquals(await dryRun("server", `${SERVER} ${flags}`), {
    status: 0,
    out: `\
micss server would:
  accept channels at 127.0.0.1:6522
  accept channels at 127.0.0.2:6522
  relay sessions for port 80 to 127.0.0.1:8080
  relay sessions for any other port to 127.0.0.3,proxy
  relay datagrams for port 53 to 127.0.0.4
  serve the admin interface at unix:/run/micss.sock
Nothing was started.
`,
    err: "",
  });
});

Deno.test("a dry run of the client prints its plan and exits 0", async () => {
  const flags = "--socks5 127.0.0.1:1080 --udp-forward 127.0.0.1:53=web:53 --udp-tproxy [::] --unknown direct";
  const { status, out, err } = await dryRun("client", `${CLIENT} ${flags}`);
  assertEquals([status, err], [0, ""]);
  assertEquals(
    out,
    `\
micss client would:
  accept connections at 127.0.0.1:8080 for web:80
  accept connections at 127.0.0.1:1080 (socks5)
  receive datagrams at 127.0.0.1:53 for web:53
  receive datagrams at [::]:6522 (udp-tproxy)
  reach web over 2 channels: 192.0.2.10:6522, 198.51.100.10:6522
  forward connections to unknown destinations directly, without protection
Nothing was started.
`,
  );
});

Deno.test("a dry run reads the keys and prints their use", async () => {
  await using directory = await makeTempDir();
  const key = `${directory.path}/web.key`;
  const [, id] = /key ([0-9a-f]+) in/.exec((await runMicss("keygen", "ed25519", "--out", key)).out)!;
  const server = await dryRun("server", `${SERVER} --key ${key}`);
  assertMatch(
    server.out,
    new RegExp(`announce its channels to clients with key ${id}: 127.0.0.1:6522, 127.0.0.2:6522\n`),
  );
  const client = await dryRun("client", `${CLIENT} --identify 192.0.2.0/24=${key}.pub --database ${key}.db`);
  assertMatch(client.out, new RegExp(`ask 192.0.2.0/24 for its channels with key ${id}\n`));
  assertMatch(client.out, new RegExp(`store learned channels in ${key}.db\n`));
  assertEquals(await dryRun("server", `${SERVER} --key ${key}.pub`), {
    status: 2,
    out: "",
    err: `micss server: keys "${key}.pub": the public half, which proves nothing; give the private half\n`,
  });
});

Deno.test("a dry run warns of addresses that are not assigned to this machine", async () => {
  const { status, err } = await dryRun("server", SERVER.replace("127.0.0.2", "203.0.113.9"));
  assertEquals([status, err], [
    0,
    'micss server: --channel "203.0.113.9": warning: 203.0.113.9 is not assigned to this machine; ' +
    "the handler will not start\n",
  ]);
});

Deno.test("a dry run with a mistake fails as a start would, and rules have no dry run", async () => {
  assertEquals((await dryRun("server", "--channel 127.0.0.1 --target 80=a")).status, 2);
  assertEquals(await runMicss("rules", "apply", "--dry-run"), {
    status: 2,
    out: "",
    err: "micss rules apply: --dry-run: unknown flag; see micss rules apply --help\n",
  });
});
