import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../../src/cli/mod.ts";
import { makeTempDir } from "../support/programs/process.ts";

/** Runs `micss routes` with arguments for which it changes nothing. */
async function micss(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const status = await main(["routes", ...args], {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
  });
  return { status, out, err };
}

const HINT = "write micss routes print|apply|watch|remove";
const WAY = "write 192.0.2.1 via DEVICE, or via ADDRESS for a local address";

Deno.test("an unknown action, or a mistake with a known one, is reported in one line and exits 2", async () => {
  const cases: [string[], string][] = [
    [[], `micss routes: no action given; ${HINT}`],
    [["frobnicate"], `micss routes: "frobnicate": unknown action; ${HINT}`],
    [["aply"], 'micss routes: "aply": unknown action; did you mean apply?'],
    [["print", "clinet"], 'micss routes print: "clinet": unexpected argument; only flags are allowed'],
    [["remove", "--config", "x"], "micss routes remove: --config: unknown flag; see micss routes remove --help"],
    [
      ["apply", "--server", "web=192.0.2.1,192.0.2.2 via lte0"],
      `micss routes apply: --server "web=192.0.2.1,192.0.2.2 via lte0": no way for 192.0.2.1; ${WAY}`,
    ],
    [
      ["watch", "--server", "web=192.0.2.1 via lte0,192.0.2.2 via lte0"],
      'micss routes watch: --server "web=192.0.2.1 via lte0,192.0.2.2 via lte0": two channels leave via lte0, and so share one path; give each its own way',
    ],
    [
      ["apply"],
      "micss routes apply: no server; give --config FILE, or --server 'NAME=HOST via DEVICE,HOST via DEVICE', also if it is joined",
    ],
    [
      ["apply", "server", "--channel", "192.0.2.1"],
      "micss routes apply server: --channel: only one channel; give 2 to 16, each at its own address",
    ],
    [
      ["print", "server", "--channel", "0.0.0.0", "--channel", "192.0.2.1"],
      "micss routes: channel 1 (0.0.0.0:6522): any address; give the address that its link has",
    ],
    [
      ["print", "server", "--shares", "short"],
      "micss routes print server: --shares: unknown flag; " +
      "give it to micss client, which chooses: a server takes full and short shares",
    ],
    [
      ["apply", "server", "--server", "x"],
      "micss routes apply server: --server: unknown flag; " +
      "see micss routes apply server --help",
    ],
  ];
  for (const [args, line] of cases) {
    const { status, out, err } = await micss(...args);
    assertEquals([status, out, err], [2, "", `${line}\n`], args.join(" "));
  }
});

Deno.test("a channel without a way is reported with its place in the file", async () => {
  await using directory = await makeTempDir();
  const file = `${directory.path}/client.yaml`;
  await Deno.writeTextFile(file, "servers:\n  web:\n    - 192.0.2.1\n    - 192.0.2.2 via lte0\n");
  const { status, err } = await micss("apply", "--config", file);
  assertEquals([status, err], [2, `micss: ${file}:3: servers.web.0: no way for 192.0.2.1; ${WAY}\n`]);
});

Deno.test("help lists the actions and the file", async () => {
  const { status, out } = await micss("--help");
  assertEquals(status, 0);
  assertMatch(out, /^Usage: micss routes print\|apply\|watch\|remove \[client\|server\]/m);
  assertMatch(out, /^ {2}--config /m);
});
