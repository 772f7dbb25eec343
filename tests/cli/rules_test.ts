import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../../src/cli/mod.ts";

/** Runs `micss rules` with arguments for which it changes nothing. */
async function micss(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const status = await main(["rules", ...args], {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
  });
  return { status, out, err };
}

const HINT = "write micss rules print|apply|watch|remove";

Deno.test("an unknown action, or a mistake with a known one, is reported in one line and exits 2", async () => {
  const client = "--server web=192.0.2.1,192.0.2.2 --redirect 0.0.0.0";
  const cases: [string, string][] = [
    ["", `micss rules: no action given; ${HINT}`],
    ["frobnicate", `micss rules: "frobnicate": unknown action; ${HINT}`],
    ["aply", 'micss rules: "aply": unknown action; did you mean apply?'],
    ["print clinet", 'micss rules print: "clinet": unexpected argument; only flags are allowed'],
    ["remove --config x", "micss rules remove: --config: unknown flag; see micss rules remove --help"],
    ["remove --flavour nftt", 'micss rules remove: --flavour "nftt": unknown flavour; did you mean nft?'],
    [
      `apply ${client} --take x`,
      'micss rules apply: --take "x": not a network; write *:80, servers, 192.0.2.0/24:80 or [2001:db8::]/32',
    ],
    [`apply server ${client}`, "micss rules apply server: --server: unknown flag; see micss rules apply server --help"],
    [
      "print server --channel 192.0.2.1:0 --channel 192.0.2.2 --target 80=127.0.0.1",
      "micss rules: a channel at port 0 gets a different port each time; give it a fixed one",
    ],
    [
      "print server --shares short",
      "micss rules print server: --shares: unknown flag; " +
      "give it to micss client, which chooses: a server takes full and short shares",
    ],
    [`print ${client} --take-from`, "micss rules print: --take-from: missing value; write --take-from DEVICE"],
  ];
  for (const [args, line] of cases) {
    const { status, out, err } = await micss(...args.split(" ").filter((word) => word !== ""));
    assertEquals([status, out], [2, ""], args);
    assertEquals(err.split("\n")[0], line, args);
  }
});

Deno.test("help lists the flags of rules of both sides", async () => {
  const { status, out } = await micss("--help");
  assertEquals(status, 0);
  for (
    const flag of ["config", "flavour", "take", "take-user", "take-from", "exempt", "exempt-uid", "exempt-gid", "rate"]
  ) {
    assertMatch(out, new RegExp(`^  --${flag} `, "m"));
  }
});
