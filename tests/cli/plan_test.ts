import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runMicss } from "../support/programs/cli.ts";
import { makeTempDir } from "../support/programs/process.ts";

const CHANNELS = ["192.0.2.10", "198.51.100.10", "203.0.113.10"];

/** A server with two channels, and estimates of all properties of three. */
const GIVEN = [
  ...["--server", `web=${CHANNELS.slice(0, 2).join()}`],
  ...["--estimate", "192.0.2.10=risk:10%,loss:1%,delay:5ms,rate:100mbit"],
  ...["--estimate", "198.51.100.10=risk:20%,loss:2%,delay:10ms,rate:60mbit"],
  ...["--estimate", "203.0.113.10=risk:30%,loss:5%,delay:30ms,rate:20mbit"],
];

Deno.test("micss plan needs no network if everything is estimated, and its default is a risk of 1 %", async () => {
  const { status, out, err } = await runMicss("plan", ...GIVEN);
  assertEquals([status, err], [0, ""]);
  assertStringIncludes(out, "At most 1.0 % risk, as fast as possible: channels 1 2 3, at 20.0 Mbit/s");
});

Deno.test("micss plan --json has what the tables show", async () => {
  const { status, out } = await runMicss("plan", ...GIVEN, "--max-risk", "3%", "--max-delay", "20ms", "--json");
  assertEquals(status, 0);
  const { server, channels, wish, sets, thresholds, choice } = JSON.parse(out);
  assertEquals([server, channels.length, sets.length, thresholds.length], ["web", 3, 5, 6]);
  assertEquals(wish, { risk: 0.03, delay: 20 });
  assertEquals([choice.k, choice.rate, choice.schedule[0].channels], [2, 60e6, [0, 1]]);
});

Deno.test("the configuration that micss plan prints is valid, and the flag, too", async () => {
  await using directory = await makeTempDir();
  const { out } = await runMicss("plan", ...GIVEN, "--max-risk", "3%");
  const [, yaml] = /^In the client's file:\n\n((?:.+\n)+)/m.exec(out)!;
  const [, flag] = /--server (\S+)/.exec(out)!;
  const path = `${directory.path}/client.yaml`;
  await Deno.writeTextFile(path, `${yaml}redirect: [127.0.0.1]\n`);
  assertEquals((await runMicss("check", "client", path)).status, 0);
  assertEquals(flag, "web=192.0.2.10:6522,198.51.100.10:6522");
});

Deno.test("micss plan takes the shares of the server, of the file or of the flag, and prints a valid setting", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/client.yaml`;
  const estimates = "{ 192.0.2.10: { risk: 1%, loss: 0, delay: 5ms, rate: 100mbit }, " +
    "198.51.100.10: { risk: 1%, loss: 0, delay: 5ms, rate: 60mbit } }";
  const write = (server: string, all: string) =>
    Deno.writeTextFile(
      path,
      `servers: { web: { channels: [192.0.2.10, 198.51.100.10], estimates: ${estimates}${server} } }\n` +
        `redirect: [127.0.0.1]\n${all}`,
    );
  const rate = async (...args: string[]) => {
    const { out } = await runMicss("plan", "--config", path, ...args, "--json");
    return JSON.parse(out).choice.rate / 1e6;
  };
  await write("", "");
  assertEquals([await rate(), await rate("--shares", "short")], [60, 120]);
  await write("", "shares: short\n");
  assertEquals([await rate(), await rate("--shares", "full")], [120, 60]);
  await write(", shares: full", "shares: short\n");
  assertEquals([await rate(), await rate("--shares", "short")], [60, 120]);
  const { out } = await runMicss("plan", "--config", path, "--shares", "short");
  const [, yaml] = /^In the client's file:\n\n((?:.+\n)+)/m.exec(out)!;
  assertStringIncludes(yaml!, "shares: short");
  await Deno.writeTextFile(path, `${yaml}redirect: [127.0.0.1]\n`);
  assertEquals((await runMicss("check", "client", path)).status, 0);
});

Deno.test("a wish that no set meets fails, with the nearest one", async () => {
  const { status, out } = await runMicss("plan", ...GIVEN, "--max-risk", "0.1%");
  assertEquals(status, 1);
  assertStringIncludes(out, "no set of channels is within that. The least risk is 0.60 %");
});

Deno.test("micss plan reads estimates from the client's file, and --estimate overrides one property", async () => {
  await using directory = await makeTempDir();
  const path = `${directory.path}/client.yaml`, image = `${directory.path}/plan.svg`;
  const all = "risk: 10%, loss: 1%, delay: 5ms, rate: 100mbit";
  const server = (name: string) =>
    `  ${name}:\n    channels: [192.0.2.10, 198.51.100.10]\n    estimates:\n` +
    `      192.0.2.10: { ${all} }\n      198.51.100.10: { ${all} }\n`;
  await Deno.writeTextFile(path, `servers:\n${server("web")}${server("mail")}redirect: [127.0.0.1]\n`);
  const ambiguous = await runMicss("plan", "--config", path);
  assertEquals([ambiguous.status, ambiguous.err], [
    2,
    "micss plan: several servers; give the name of one of web, mail\n",
  ]);
  assertStringIncludes((await runMicss("plan", "wbe", "--config", path)).err, "did you mean web?");
  const estimate = ["--estimate", "198.51.100.10=rate:50mbit"];
  const { status, out } = await runMicss("plan", "mail", "--config", path, ...estimate, "--json", "--svg", image);
  assertEquals(status, 0);
  assertEquals(JSON.parse(out).channels.map(({ risk, rate }: { risk: number; rate: number }) => [risk, rate]), [
    [0.1, 100e6],
    [0.1, 50e6],
  ]);
  assert((await Deno.readTextFile(image)).startsWith("<svg "));
});

Deno.test("micss plan names each channel without a risk, and what it can't read or write", async () => {
  const { status, err } = await runMicss("plan", "--server", `web=${CHANNELS.join()}`);
  assertEquals(status, 2);
  assertEquals(err.trimEnd().split("\n").length, 3);
  assertStringIncludes(
    err,
    "no risk of channel 192.0.2.10:6522; give one, such as --estimate 192.0.2.10:6522=risk:10%",
  );
  assertStringIncludes((await runMicss("plan")).err, "no server; give --server NAME=HOST,HOST or --config FILE");
  const unwritable = await runMicss("plan", ...GIVEN, "--svg", "/nowhere/plan.svg");
  assertEquals(unwritable.status, 1);
  assertStringIncludes(unwritable.err, "micss plan: /nowhere/plan.svg: ");
});

Deno.test("micss plan says that it can't measure what is not estimated", async () => {
  const given = ["127.0.0.1", "127.0.0.2"].flatMap((host) => ["--estimate", `${host}=risk:10%`]);
  const { status, err } = await runMicss("plan", "--server", "a=127.0.0.1,127.0.0.2", ...given, "--port", "1");
  assertEquals(status, 1);
  assertStringIncludes(
    err,
    "micss plan: 127.0.0.1:1: nothing listens there; start micss bench --answer on the server's host, or estimate the " +
      "channel's loss, delay, rate\n",
  );
});
