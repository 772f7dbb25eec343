/** `/readyz` of a client handler that knows several servers. */
import { assertEquals, assertMatch } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { Handler, micssCommand, startServer } from "../support/handlers/handlers.ts";
import { run } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";

const HOSTS = ["127.0.0.1", "127.0.0.2"];
const ROOT = new URL("../../", import.meta.url).pathname;

testWith(["curl"], "one server of three suffices for readiness; the others are listed as degraded", async () => {
  const [up, ...down] = Array.from({ length: 3 }, () => {
    const port = freePort(...HOSTS);
    return HOSTS.map((host) => ({ host, port }));
  });
  const admin = `127.0.0.1:${freePort("127.0.0.1")}`;
  const servers = [up!, ...down].flatMap((channels, at) => [
    "--server",
    `web-${at}=${channels.map(formatAddress).join()}`,
  ]);
  const entry = `127.0.0.1:${freePort("127.0.0.1")}=web-0:80`;
  await using server = await startServer(up!, "80=127.0.0.1:9");
  await using client = await Handler.start("client", [...servers, "--forward", entry, "--admin", admin]);
  const ask = async () => {
    const curl = ["curl", "--silent", "--noproxy", "*", "--write-out", "\n%{http_code}", "--max-time", "12"];
    const [answer, status] = (await run([...curl, `http://${admin}/readyz`])).text().split("\n");
    return { ...JSON.parse(answer!), status };
  };
  const until = async (key: "missing" | "degraded", names: string[]) => {
    let answer = await ask();
    for (let tries = 0; Object.keys(answer[key]).join() !== names.join() && tries < 50; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      answer = await ask();
    }
    assertEquals(Object.keys(answer[key]), names, client.describe());
    return answer;
  };

  const first = await ask();
  assertEquals([first.ready, first.status, first.missing], [true, "200", {}]);
  const { degraded } = await until("degraded", ["server web-1", "server web-2"]);
  assertMatch(degraded["server web-1"], /Connection refused$/);
  const status = await run([...await micssCommand(), "status", "--admin", admin], { cwd: ROOT });
  assertMatch(status.text(), /^degraded: server web-2: channel [12] .*: Connection refused$/m);

  await server.stop();
  const { ready, status: code } = await until("missing", ["server web-0", "server web-1", "server web-2"]);
  assertEquals([ready, code], [false, "503"]);
});
