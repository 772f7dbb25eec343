import { assertEquals } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { Handler } from "../support/handlers/handlers.ts";
import { run } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { startNginx } from "../support/programs/nginx.ts";

/** Reports the connection's source and destination per the PROXY header, and nginx's actual peer. */
const WHO = `location /who {
  return 200 "$proxy_protocol_addr,$proxy_protocol_port,$proxy_protocol_server_addr,$proxy_protocol_server_port,$remote_addr";
}`;

const CURL = ["curl", "--silent", "--show-error", "--fail", "--globoff", "--noproxy", "*"];

/**
 * Requests the PROXY header's content from an nginx that requires one, over handlers with channels of both families.
 *
 * @param host Listening address of the client handler, and source address of curl.
 * @param flags Further flags of the client handler.
 * @returns curl's local port, and nginx's answers to two requests in separate sessions.
 */
async function ask(host: string, flags: string[]): Promise<{ ports: string[]; answers: string[] }> {
  const target = formatAddress({ host: "127.0.0.1", port: freePort("127.0.0.1") });
  await using _nginx = await startNginx([`${target} proxy_protocol`], { more: WHO });
  const hosts = ["127.0.0.2", "::1", "127.0.0.3"];
  const port = freePort(...hosts);
  const channels = hosts.map((host) => formatAddress({ host, port }));
  const listening = channels.flatMap((channel) => ["--channel", channel]);
  await using _server = await Handler.start("server", [...listening, "--target", `80=${target},proxy`]);
  const entry = formatAddress({ host, port: freePort(host) });
  const forward = ["--server", `web=${channels.join()}`, "--forward", `${entry}=web:80`];
  await using _client = await Handler.start("client", [...forward, ...flags]);
  const told = [];
  for (let session = 0; session < 2; session++) {
    const { stdout } = await run([...CURL, "--write-out", "\n%{local_port}", `http://${entry}/who`]);
    told.push(new TextDecoder().decode(stdout).split("\n"));
  }
  return { answers: told.map(([answer]) => answer!), ports: told.map(([, port]) => port!) };
}

const NEEDS = ["curl", "nginx"];

testWith(
  NEEDS,
  "nginx learns an application's address from the PROXY header if the client sends it",
  async () => {
    const { answers, ports } = await ask("127.0.0.1", ["--send-source"]);
    assertEquals(answers, ports.map((port) => `127.0.0.1,${port},127.0.0.2,80,127.0.0.1`));
  },
);

testWith(NEEDS, "nginx learns an IPv6 source, and the server's address of the same family", async () => {
  const { answers, ports } = await ask("::1", ["--send-source"]);
  assertEquals(answers, ports.map((port) => `::1,${port},::1,80,127.0.0.1`));
});

testWith(NEEDS, "nginx receives a header without addresses if the client does not send the source", async () => {
  const { answers } = await ask("127.0.0.1", []);
  assertEquals(answers, Array(2).fill(",,,,127.0.0.1"));
});
