/** A balancer that spreads an association's channels over several server handlers, which must all reach one. */
import { assertEquals, assertMatch } from "@std/assert";
import { startClient, startServer } from "../support/handlers/handlers.ts";
import { run } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { assertResetsCurl, CURL } from "./core.ts";

const HOSTS = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];

testWith(
  ["curl", "nginx"],
  "channels spread over two replicas associate with neither; each replica's own channels do",
  async () => {
    const target = `127.0.0.1:${freePort("127.0.0.1")}`;
    await using nginx = await startNginx([target]);
    await Deno.writeTextFile(`${nginx.root}/file`, "whole");
    const ports = [freePort(...HOSTS), freePort(...HOSTS)];
    const [first, second] = ports.map((port) => HOSTS.map((host) => ({ host, port })));
    await using _one = await startServer(first!, `80=${target}`);
    await using _other = await startServer(second!, `80=${target}`);
    for (
      const [channels, whole] of [[first!, true], [second!, true], [
        [first![0]!, first![1]!, second![2]!],
        false,
      ]] as const
    ) {
      const entry = `127.0.0.1:${freePort("127.0.0.1")}`;
      await using client = await startClient([...channels], ["--forward", `${entry}=web:80`]);
      if (whole) {
        assertEquals((await run([...CURL, `http://${entry}/file`])).text(), "whole");
        continue;
      }
      await assertResetsCurl(`http://${entry}/file`, {});
      const { reason } = await client.waitForLog("session refused");
      assertMatch(String(reason), /: refused: the list names a connection that the server handler does not have$/);
    }
  },
);
