/** Channels and targets with link-local addresses, whose zones are names of devices. */
import { assertEquals } from "@std/assert";
import { Handler } from "../support/handlers/handlers.ts";
import { applicationCommand, startTarget } from "../support/programs/peer.ts";
import { configFile, Program, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { makeTopology } from "../support/system/namespaces.ts";

const ENTRY = "127.0.0.1:8080";

/** Answers datagrams with themselves. */
const ECHO = `
import socket
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as target:
    target.bind(socket.getaddrinfo("fe80::9%TGT", 53)[0][4])
    print("bound", flush=True)
    while True: target.sendto(*target.recvfrom(65535))
`;

testWith(
  ["network namespaces", "python3"],
  "sessions and datagrams take channels between link-local addresses, to targets with such addresses",
  async () => {
    await using parts = new AsyncDisposableStack();
    const { near, far } = parts.use(await makeTopology(2));
    await far.ip(
      "link add TGT type veth peer name peer",
      "link set TGT up",
      "link set peer up",
      "address add fe80::9/64 dev TGT nodad",
      ...[1, 2].map((link) => `address add fe80::20${link}/64 dev c${link} nodad`),
    );
    await near.ip(...[1, 2].map((link) => `address add fe80::10${link}/64 dev c${link} nodad`));
    parts.use(await startTarget("hold", "[fe80::9%TGT]:80", far));
    const echo = parts.use(Program.start(["python3", "-c", ECHO], far));
    await echo.waitForLine(/^bound/);
    const channels = '["[fe80::201%c1]", "[fe80::202%c2]"]', target = '"[fe80::9%TGT]"';
    const { file: server } = parts.use(
      await configFile(`channels: ${channels}\ntargets: {80: ${target}}\nudp-targets: {53: ${target}}\n`),
    );
    const { file: client } = parts.use(
      await configFile(
        `servers: {web: ${channels}}\nforward: ["${ENTRY}=web:80"]\nudp-forward: ["127.0.0.1:5353=web:53"]\n`,
      ),
    );
    parts.use(await Handler.start("server", ["--config", server], far));
    parts.use(await Handler.start("client", ["--config", client], near));
    await using application = Program.start(applicationCommand("answer", ENTRY), near);
    await application.waitForLine(/^answered/);
    const udp = ["python3", new URL("udp.py", import.meta.url).pathname, "127.0.0.1", "5353", "one", "two", "three"];
    assertEquals((await run(udp, near)).text(), "one\ntwo\nthree\n");
  },
);
