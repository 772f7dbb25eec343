import { assertEquals, assertMatch } from "@std/assert";
import { runMicss } from "../support/programs/cli.ts";
import { makeTempDir } from "../support/programs/process.ts";

const SERVER = "--channel 127.0.0.1 --channel 127.0.0.2 --target 80=127.0.0.1:8080";
const CLIENT = "--server web=192.0.2.10,198.51.100.10 --forward 127.0.0.1:8080=web:80";

/** What a dry run answers; it ends by itself, which no handler that has started does. */
const dryRun = (side: string, flags: string) => runMicss(side, "--dry-run", ...flags.split(" "));

Deno.test("a dry run of the server says what it would do, and exits 0", async () => {
  assertEquals(await dryRun("server", `${SERVER} --target *=127.0.0.3,proxy --admin unix:/run/micss.sock`), {
    status: 0,
    out: `\
micss server would
  listen for channels at 127.0.0.1:6522
  listen for channels at 127.0.0.2:6522
  connect sessions for port 80 to 127.0.0.1:8080
  connect sessions for every other port to 127.0.0.3,proxy
  be looked at at unix:/run/micss.sock
Nothing was started.
`,
    err: "",
  });
});

Deno.test("a dry run of the client says what it would do, and exits 0", async () => {
  const { status, out, err } = await dryRun("client", `${CLIENT} --socks5 127.0.0.1:1080 --unknown direct`);
  assertEquals([status, err], [0, ""]);
  assertEquals(
    out,
    `\
micss client would
  take connections at 127.0.0.1:8080 for web:80
  take connections at 127.0.0.1:1080 by socks5
  reach web over 2 channels: 192.0.2.10:6522, 198.51.100.10:6522
  pass connections to where no server is known on, in the clear
Nothing was started.
`,
  );
});

Deno.test("a dry run reads the keys, and names what it would do with them", async () => {
  await using directory = await makeTempDir();
  const key = `${directory.path}/web.key`;
  const [, id] = /key ([0-9a-f]+) in/.exec((await runMicss("keygen", "ed25519", "--out", key)).out)!;
  const server = await dryRun("server", `${SERVER} --key ${key}`);
  assertMatch(
    server.out,
    new RegExp(`tell clients that have key ${id} its channels: 127.0.0.1:6522, 127.0.0.2:6522\n`),
  );
  const client = await dryRun("client", `${CLIENT} --identify 192.0.2.0/24=${key}.pub --database ${key}.db`);
  assertMatch(client.out, new RegExp(`ask 192.0.2.0/24 for its channels by key ${id}\n`));
  assertMatch(client.out, new RegExp(`keep learned channels in ${key}.db\n`));
  assertEquals(await dryRun("server", `${SERVER} --key ${key}.pub`), {
    status: 2,
    out: "",
    err: `micss server: keys "${key}.pub": the public half, only for clients; give the private half\n`,
  });
});

Deno.test("a dry run warns of what the handler would not find", async () => {
  const { status, err } = await dryRun("server", SERVER.replace("127.0.0.2", "203.0.113.9"));
  assertEquals([status, err], [
    0,
    'micss server: --channel "203.0.113.9": warning: 203.0.113.9 is no address of this machine; ' +
    "the handler does not start without\n",
  ]);
});

Deno.test("a dry run fails as a start does where something is wrong, and rules have none", async () => {
  assertEquals((await dryRun("server", "--channel 127.0.0.1 --target 80=a")).status, 2);
  assertEquals(await runMicss("rules", "apply", "--dry-run"), {
    status: 2,
    out: "",
    err: "micss rules apply: --dry-run: unknown flag; see micss rules apply --help\n",
  });
});
