/** The setting `shares`, of a client and of one of its servers, and with a threshold. */
import { assertEquals } from "@std/assert";
import { clientSpec } from "../../src/config/client.ts";
import { parseConfig } from "../../src/config/load.ts";
import { linesOf } from "./lines.ts";

const SERVER = "--server web=192.0.2.1,192.0.2.2,192.0.2.3";
const FORWARD = "--forward 127.0.0.1:8080=web:80";
const FILE = "forward: [127.0.0.1:8080=web:80]";
const CHANNELS = "channels: [192.0.2.1, 192.0.2.2, 192.0.2.3]";

const ELSEWHERE = "give it to micss client, which chooses: a server takes full and short shares";

/** The shares of all servers, and of the only one. */
function sharesOf(args: string, yaml = "") {
  const { shares, servers: [server] } = parseConfig("micss client", clientSpec, args.split(" "), () => yaml);
  return [shares, server!.shares];
}

Deno.test("shares are full unless set, by a flag, in the file, or for one server", () => {
  assertEquals(sharesOf(`${SERVER} ${FORWARD}`), ["full", undefined]);
  assertEquals(sharesOf(`${SERVER} ${FORWARD} --shares short`), ["short", undefined]);
  const servers = `servers:\n  web:\n    ${CHANNELS}\n    shares: full\n`;
  assertEquals(sharesOf("--config f.yaml", `${servers}${FILE}\nshares: short\n`), ["short", "full"]);
  // A flag overrides the file's setting for all servers, not that of one.
  assertEquals(sharesOf("--config f.yaml --shares short", `${servers}${FILE}\nshares: full\n`), ["short", "full"]);
});

Deno.test("other words are mistakes, and so is a server handler's shares", () => {
  assertEquals(linesOf("client", `${SERVER} ${FORWARD} --shares shrot`), [
    'micss client: --shares "shrot": unknown shares; did you mean short?',
  ]);
  assertEquals(linesOf("server", "--channel a --channel b --target 80=c --shares short"), [
    `micss server: --shares: unknown flag; ${ELSEWHERE}`,
  ]);
  assertEquals(linesOf("server", "--config f.yaml", "channels: [a, b]\ntargets: {80: c}\nshares: short\n"), [
    `micss: f.yaml:3: shares: unknown key; ${ELSEWHERE}`,
  ]);
});

Deno.test("short shares with a threshold are a mistake where both apply to a server", () => {
  const mistake = "shares short with threshold 2, but all short shares are needed; leave one of them out";
  const lines = (server: string, rest: string) =>
    linesOf("client", "--config f.yaml", `servers:\n  web:\n    ${CHANNELS}\n${server}${FILE}\n${rest}`);
  assertEquals(linesOf("client", `${SERVER} ${FORWARD} --shares short --threshold 2`), [
    `micss client: --shares "short": ${mistake}`,
  ]);
  assertEquals(lines("", "threshold: 2\nshares: short\n"), [`micss: f.yaml:6: shares: ${mistake}`]);
  assertEquals(
    linesOf("client", "--config f.yaml --threshold 2", `servers: {web: [a, b, c]}\n${FILE}\nshares: short\n`),
    [
      `micss: f.yaml:3: shares: ${mistake}`,
    ],
  );
  assertEquals(
    linesOf(
      "client",
      "--config f.yaml --shares short",
      `servers: {web: [a, b, c]}\n${FILE}\nshares: full\nthreshold: 2\n`,
    ),
    [`micss client: --shares "short": ${mistake}`],
  );
  assertEquals(lines("    shares: short\n    threshold: 2\n", ""), [`micss: f.yaml:2: servers.web: ${mistake}`]);
  assertEquals(lines("    shares: short\n", "threshold: 2\n"), [`micss: f.yaml:2: servers.web: ${mistake}`]);
  // The server's own threshold takes precedence over shares for all servers, and its own shares over those.
  assertEquals(lines("    threshold: 2\n", "shares: short\n"), []);
  assertEquals(lines("    shares: full\n", "threshold: 2\n"), []);
});
