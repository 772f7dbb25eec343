/** Programs forced to use MPTCP, which may send a channel's bytes over another channel's path. */
import { assertEquals, assertMatch } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { micssCommand, startClient, startServer } from "../support/handlers/handlers.ts";
import { run } from "../support/programs/process.ts";
import { findProgram } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";

const NEEDS = ["mptcpize", ...hasMptcp() ? [] : ["MPTCP in the kernel"]];

function hasMptcp(): boolean {
  try {
    return Deno.readTextFileSync("/proc/sys/net/mptcp/enabled").trim() === "1";
  } catch {
    return false;
  }
}

const HOSTS = ["127.0.0.1", "127.0.0.2"];

/** Command prefix that applies `mptcpize`. */
async function mptcpized(): Promise<string[]> {
  return [findProgram("mptcpize")!, "run", ...await micssCommand()];
}

testWith(NEEDS, "a server handler refuses to listen with MPTCP, and says why", async () => {
  const port = freePort(...HOSTS);
  const flags = HOSTS.flatMap((host) => ["--channel", `${host}:${port}`]);
  const { code, stderr } = await run([...await mptcpized(), "server", ...flags, "--target", "80=127.0.0.1:1"], {
    mayFail: true,
    cwd: new URL("../../", import.meta.url).pathname,
  });
  assertEquals(code, 1);
  assertMatch(stderr, new RegExp(`can't listen at 127.0.0.1:${port}: its socket is MPTCP, not plain TCP`));
});

testWith(NEEDS, "a client handler sends nothing over an MPTCP channel, and says which one and why", async () => {
  const port = freePort(...HOSTS), entry = freePort("127.0.0.1");
  const channels = HOSTS.map((host) => ({ host, port }));
  await using server = await startServer(channels, "80=127.0.0.1:1");
  await using client = await startClient(channels, ["--forward", `127.0.0.1:${entry}=web:80`], {
    micss: await mptcpized(),
  });
  using application = await Deno.connect({ hostname: "127.0.0.1", port: entry });
  await application.read(new Uint8Array(1)).catch(() => {});
  const { reason } = await client.waitForLog("session refused");
  const channel = `channel [12] \\(127.0.0.[12]:${port}\\)`;
  assertMatch(String(reason), new RegExp(`^${channel}: its socket is MPTCP, not plain TCP`));
  assertEquals(server.logged("association"), [], formatAddress(channels[0]!));
});
