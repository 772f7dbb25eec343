import { assert, assertEquals, assertMatch } from "@std/assert";
import { ServerState } from "../../src/state/server_state.ts";
import { invitationId, invitationKey, parseInvitation } from "../../src/wire/invitation.ts";
import { makeTempDir } from "../support/programs/process.ts";
import { runMicss } from "../support/programs/cli.ts";

const CHANNELS = ["--channel", "192.0.2.10", "--channel", "[2001:db8::10]:7000"];

async function setUp() {
  const directory = await makeTempDir();
  const state = `${directory.path}/state`;
  return {
    state,
    directory: directory.path,
    run: (command: string, ...args: string[]) => runMicss(command, ...args, "--state", state),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** Enrols the client of a line. */
async function enrol(state: string, line: string): Promise<void> {
  const invitation = parseInvitation(line), right = invitationKey(invitation).toHex();
  const verify = (key: Uint8Array) => Promise.resolve(key.toHex() === right);
  const attempt = { invitation: invitationId(invitation), publicKey: invitation.serverKey, verify, client: null };
  await new ServerState(state).enrol(attempt, Date.now());
}

Deno.test("invite prints the line alone to standard output, and to standard error what to do with it", async () => {
  await using scene = await setUp();
  const { status, out, err } = await scene.run("invite", "alice", ...CHANNELS, "--as", "Web", "--expires", "1h");
  assertEquals(status, 0);
  const { server, channels, expires } = parseInvitation(out);
  assertMatch(out, /^micss-invite-v1 [\w-]+\n$/);
  assertEquals([server, channels.map(({ port }) => port)], ["web", [6522, 7000]]);
  assert(Math.abs(expires - Date.now() - 3_600_000) < 10_000);
  assertEquals(
    err,
    `Invitation for alice, kept in ${scene.state}; it works once, until ${
      new Date(expires).toISOString().replace(".000", "")
    }.
From now on the server admits only clients that joined, and ends the sessions of others.
Anyone who reads this line can join first, and anyone who changes it can pose as the server: give it to
alice over a private channel. On the client, run micss join and paste it:
`,
  );
  const again = await scene.run("invite", "alice");
  assertEquals(parseInvitation(again.out).channels, channels);
  assertMatch(again.err, /\nThe earlier invitation for alice no longer works\.\nAnyone who reads/);
});

Deno.test("invite takes the public addresses, state directory and ports of the server's file", async () => {
  await using scene = await setUp();
  const file = `${scene.directory}/server.yaml`;
  Deno.writeTextFileSync(
    file,
    `channels: [0.0.0.0:6522, 0.0.0.0:6523]
announce: [203.0.113.10, 203.0.113.20]
targets: { 80: 127.0.0.1:8080 }
state: ${scene.state}
`,
  );
  const { status, out } = await runMicss("invite", "alice", "--config", file, "--port", "80");
  assertEquals(status, 0);
  assertEquals(parseInvitation(out).channels.map(({ address }) => address.join(".")), ["203.0.113.10", "203.0.113.20"]);
  const list = await runMicss("clients", "list", "--config", file);
  assertMatch(list.out, /^alice +- +80 +invited until /m);
  assertEquals(
    (await runMicss("invite", "alice", "--config", file, "--port", "81")).err,
    `micss invite: --port: ${file} has no target for port 81; give one that has a target\n`,
  );
});

Deno.test("clients lists who joined and who is invited, and revokes either", async () => {
  await using scene = await setUp();
  assertEquals(await scene.run("clients", "list"), {
    status: 0,
    out: "",
    err: `no clients or invitations in ${scene.state}\n`,
  });
  await enrol(scene.state, (await scene.run("invite", "alice", ...CHANNELS)).out);
  await scene.run("invite", "bob", "--port", "80", "--port", "443");
  const { out } = await scene.run("clients", "list");
  assertMatch(
    out,
    /^NAME +KEY +PORTS +STATE\nalice +[0-9a-f]{16} +all +joined [-\d]+T[:\d]+Z\nbob +- +80,443 +invited until [-\d]+T[:\d]+Z\n$/,
  );
  const json = JSON.parse((await scene.run("clients", "list", "--json")).out);
  assertEquals(json.clients.map(({ name, ports }: { name: string; ports: unknown }) => [name, ports]), [[
    "alice",
    null,
  ]]);
  assertEquals(json.invitations.map(({ ports }: { ports: unknown }) => ports), [[80, 443]]);
  assertEquals(JSON.stringify(json).includes('"token"'), false);
  assertEquals(await scene.run("clients", "revoke", "alice"), {
    status: 0,
    out: "",
    err: "alice removed; its sessions end within a second\n",
  });
  assertEquals((await scene.run("clients", "revoke", "bob")).err, "the invitation for bob was withdrawn\n");
  assertEquals(await scene.run("clients", "revoke", "bob"), {
    status: 1,
    out: "",
    err: `micss clients revoke: no client or open invitation named bob in ${scene.state}\n`,
  });
});

Deno.test("a damaged client is listed as such, with exit status 1", async () => {
  await using scene = await setUp();
  await scene.run("invite", "alice", ...CHANNELS);
  Deno.writeTextFileSync(`${scene.state}/clients/bob.json`, "{}", { mode: 0o600 });
  const { status, err } = await scene.run("clients", "list");
  assertEquals([status, err], [
    1,
    `micss clients list: ${scene.state}/clients/bob.json: damaged: version: not 1; remove it\n`,
  ]);
});

Deno.test("bad input to invite and clients is reported in one line and exits 2", async () => {
  await using scene = await setUp();
  const cases: [string[], string][] = [
    [["invite"], "micss invite: no name given; write micss invite NAME, such as alice"],
    [["invite", "a b"], 'micss invite: "a b": not a client\'s name; use letters, digits, dots and dashes'],
    [["invite", "../x"], 'micss invite: "../x": not a client\'s name; use letters, digits, dots and dashes'],
    [["invite", "a", "b"], 'micss invite: "b": unexpected second argument; give only one'],
    [["invite", "a", "--expires", "25h"], 'micss invite: --expires "25h": duration out of range; write 1ms to 24h'],
    [["invite", "a", "--as", "1"], 'micss invite: --as "1": not a name; use letters, digits, dots and dashes'],
    [["invite", "a", "--port", "0"], 'micss invite: --port "0": port 0 is not allowed; write a port from 1 to 65535'],
    [["invite", "a", "--channel", "192.0.2.1"], "micss invite: 1 channels; give 2 to 16"],
    [
      ["invite", "a"],
      `micss invite: the addresses of the server's channels are not known in ${scene.state} yet; ` +
      "give them as --channel HOST --channel HOST, or --config FILE",
    ],
    [
      ["invite", "a", "--channel", "0.0.0.0:1", "--channel", "0.0.0.0:2"],
      "micss invite: the channels' addresses are not ones that a client can connect to; give the public addresses with " +
      "--announce HOST --announce HOST",
    ],
    [["clients"], 'micss clients: "--state": unknown action; write micss clients list|revoke'],
    [["clients", "lis"], 'micss clients: "lis": unknown action; did you mean list?'],
    [["clients", "list", "x"], 'micss clients list: "x": not accepted here; see micss clients --help'],
    [["clients", "revoke"], "micss clients revoke: no name given; write one as micss clients list shows it"],
    [["clients", "revoke", "a", "--json"], "micss clients revoke: --json: not accepted here; see micss clients --help"],
    [
      ["clients", "revoke", "a/b"],
      'micss clients revoke: "a/b": not a client\'s name; write one as micss clients list shows it',
    ],
  ];
  for (const [[command, ...args], line] of cases) {
    const { status, out, err } = await scene.run(command!, ...args);
    assertEquals([status, out, err], [2, "", `${line}\n`], args.join(" "));
  }
  assertEquals([...Deno.readDirSync(scene.directory)], []);
});

Deno.test("a state directory that can't be written is reported with a way out, and exits 1", async () => {
  const { status, err } = await runMicss("invite", "a", ...CHANNELS, "--state", "/proc/micss");
  assertEquals(status, 1);
  assertMatch(err, /^micss invite: \/proc\/micss: [^\n]+; give another directory with --state[^\n]*\n$|no such file/);
});
