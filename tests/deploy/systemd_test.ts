/** The systemd units: verified by systemd, and their commands by the program. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { parseClientRules } from "../../src/cli/rules_args.ts";
import { splitRoutes } from "../../src/cli/routes.ts";
import { readRoutes } from "../../src/cli/routes_args.ts";
import { parseServerCommand } from "../../src/run/server_program.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { readUnit, UNITS } from "../support/system/systemd_units.ts";

const HANDLERS = ["micss-server", "micss-client"];
const RULES = ["micss-rules", "micss-rules-watch"];
const ROUTES = ["micss-routes-client", "micss-routes-server"];
const ALL = [...HANDLERS, ...RULES, ...ROUTES];

/** Maximum exposure according to `systemd-analyze security`, where 10 is a unit without protection. */
const MAX_EXPOSED: Record<string, number> = {
  "micss-server": 1.4,
  "micss-client": 1.4,
  "micss-rules": 3.1,
  "micss-rules-watch": 3.0,
  "micss-routes-client": 2.1,
  "micss-routes-server": 2.1,
};

testWith(["systemd-analyze"], "systemd finds nothing wrong in the units", async () => {
  await using directory = await makeTempDir();
  for (const name of ALL) {
    const text = await Deno.readTextFile(`${UNITS}${name}.service`);
    // systemd-analyze looks for the program, which is not installed here.
    await Deno.writeTextFile(`${directory.path}/${name}.service`, text.replaceAll("/usr/local/bin/micss", "/bin/true"));
  }
  const verify = ["systemd-analyze", "verify", "--man=no", ...ALL.map((name) => `${directory.path}/${name}.service`)];
  const { stderr } = await run(verify, { env: { SYSTEMD_UNIT_PATH: `${directory.path}:` } });
  assertEquals(stderr, "");
});

/** A network that comes up during the system's initialization, as with cloud-init. */
const EARLY_NETWORK = `[Unit]
DefaultDependencies=no
Wants=network-pre.target
After=network-pre.target
Before=network.target sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/true
`;

testWith(["systemd-analyze"], "rules can be in place before even a network that comes up early", async () => {
  await using directory = await makeTempDir();
  const place = async (name: string, text: string, target: string) => {
    await Deno.writeTextFile(`${directory.path}/${name}`, text.replaceAll("/usr/local/bin/micss", "/bin/true"));
    await Deno.mkdir(`${directory.path}/${target}.wants`);
    await Deno.symlink(`../${name}`, `${directory.path}/${target}.wants/${name}`);
  };
  await place("early.service", EARLY_NETWORK, "sysinit.target");
  const unit = await Deno.readTextFile(`${UNITS}micss-rules.service`);
  await place("micss-rules.service", unit, "multi-user.target");
  const verify = ["systemd-analyze", "verify", "--man=no", `${directory.path}/micss-rules.service`];
  // In an ordering cycle systemd would report it and not start one of the units.
  const { stderr } = await run(verify, { env: { SYSTEMD_UNIT_PATH: `${directory.path}:/lib/systemd/system` } });
  assertEquals(stderr, "");
});

for (const name of ALL) {
  testWith(["systemd-analyze"], `systemd finds ${name} hardly exposed`, async () => {
    const path = `${UNITS}${name}.service`;
    const analyze = ["systemd-analyze", "security", "--offline=true", "--no-pager", path];
    const exposure = /exposure level .*: ([\d.]+)/.exec((await run(analyze)).text())![1];
    assert(Number(exposure) <= MAX_EXPOSED[name]!, exposure);
  });
}

for (const name of HANDLERS) {
  Deno.test(`${name} declares that its handler reports readiness, liveness and reloads`, async () => {
    const unit = await readUnit(name);
    assertEquals(unit.get("Type"), ["notify"]);
    assertEquals(unit.get("DynamicUser"), ["yes"]);
    assertEquals(unit.get("CapabilityBoundingSet"), [""]);
    assertEquals(unit.get("ExecReload"), ["/bin/kill -HUP $MAINPID"]);
    assertMatch(unit.get("WatchdogSec")![0]!, /^\d+s$/);
  });
}

Deno.test("each handler has a private state directory of its own, which its settings leave in place", async () => {
  const directories = await Promise.all(HANDLERS.map(async (name) => {
    const unit = await readUnit(name);
    assertEquals([unit.get("StateDirectoryMode"), unit.get("ProtectSystem"), unit.get("UMask")], [
      ["0700"],
      ["strict"],
      ["0077"],
    ]);
    return unit.get("StateDirectory")!;
  }));
  assertEquals(directories, [["micss-server"], ["micss"]]);
});

Deno.test("handlers and the watches are restarted without a limit, unless their settings are invalid", async () => {
  for (const name of [...HANDLERS, "micss-rules-watch", ...ROUTES]) {
    const unit = await readUnit(name);
    const settings = ["StartLimitIntervalSec", "Restart", "RestartPreventExitStatus"].map((key) => unit.get(key));
    assertEquals(settings, [["0"], ["on-failure"], ["2"]], name);
  }
});

Deno.test("the client handler requires enabled rules, which are applied before the network and stay at shutdown", async () => {
  const rules = await readUnit("micss-rules");
  assertEquals(rules.get("RequiredBy"), ["micss-client.service"]);
  assertEquals(rules.get("Before"), ["network-pre.target micss-client.service"]);
  // Neither ordered after sysinit.target, which may wait for the network, nor in conflict with shutdown.target.
  assertEquals([rules.get("DefaultDependencies"), rules.get("Conflicts")], [["no"], undefined]);
  const watch = await readUnit("micss-rules-watch");
  assertEquals([rules.get("Also"), watch.get("PartOf")], [["micss-rules-watch.service"], ["micss-rules.service"]]);
});

Deno.test("a handler requires enabled routes, whose unit may change routes and nothing else", async () => {
  for (const name of ROUTES) {
    const unit = await readUnit(name);
    const handler = name.replace("routes-", "");
    assertEquals([unit.get("RequiredBy"), unit.get("Before")], [[`${handler}.service`], [`${handler}.service`]]);
    assertEquals([unit.get("Type"), unit.get("CapabilityBoundingSet")], [["notify"], ["CAP_NET_ADMIN"]]);
  }
});

Deno.test("the program accepts the commands in the units, which leave the admin address to the file", async () => {
  const command = async (name: string) => (await readUnit(name)).get("ExecStart")![0]!.split(" ").slice(1);
  const admin = "admin: 127.0.0.1:9652\n";
  const [server, ...serverFlags] = await command("micss-server");
  assertEquals(server, "server");
  const channels = `channels: [192.0.2.10, 198.51.100.10]\ntargets: {80: 127.0.0.1:8080}\n${admin}`;
  assertEquals(parseServerCommand(serverFlags, () => channels).admin, { host: "127.0.0.1", port: 9652 });
  const [client, ...clientFlags] = await command("micss-client");
  assertEquals(client, "client");
  const settings = `servers: {web: [192.0.2.10, 198.51.100.10]}\nredirect: ['0.0.0.0']\n${admin}`;
  assertEquals(parseClientCommand(clientFlags, () => settings).admin, { host: "127.0.0.1", port: 9652 });
  for (const [name, action] of [["micss-rules", "apply"], ["micss-rules-watch", "watch"]] as const) {
    const [rules, first, ...flags] = await command(name);
    assertEquals([rules, first], ["rules", action]);
    parseClientRules("micss rules", flags, () => settings);
  }
  const ways = settings.replace("192.0.2.10", "192.0.2.10 via wlan0").replace(
    "198.51.100.10",
    "198.51.100.10 via lte0",
  );
  for (const [name, file] of [["micss-routes-client", ways], ["micss-routes-server", channels]] as const) {
    const [routes, ...args] = await command(name);
    const { action, side, rest } = splitRoutes(args);
    assertEquals([routes, action], ["routes", "watch"]);
    assertEquals((await readRoutes("micss routes", side ?? "client", rest, () => file).channels()).length, 2);
  }
});

Deno.test("the rules exempt the client handler's user, which sysusers.d creates", async () => {
  const [user] = (await readUnit("micss-client")).get("User")!;
  for (const name of RULES) assert((await readUnit(name)).get("ExecStart")![0]!.endsWith(` --exempt-uid ${user}`));
  assertMatch(await Deno.readTextFile(`${UNITS}micss.sysusers.conf`), new RegExp(`^u ${user} - `, "m"));
});
