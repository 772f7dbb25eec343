/** Many strangers against a server handler; the task `strangers` has more of them. */
import { assertEquals, assertLessOrEqual, assertStringIncludes } from "@std/assert";
import { formatAddress } from "../../src/net/address.ts";
import { writeAll } from "../../src/net/connection.ts";
import { Handler, startClient } from "../support/handlers/handlers.ts";
import { makeTempDir } from "../support/programs/process.ts";
import { freePort, testWith } from "../support/programs/programs.ts";
import { connect, pattern, readExactly, Target } from "../support/programs/tcp.ts";
import { associate, limited, loopbackChannels, testStrangers } from "./strangers.ts";

testStrangers(1000);

testWith(
  ["sh"],
  "sessions continue without free files, and new ones are accepted as soon as files are free again",
  async () => {
    using target = new Target();
    const channels = loopbackChannels();
    await using directory = await makeTempDir();
    const file = `${directory.path}/server.yaml`;
    // Limits so high that only the system's apply.
    const limits = "limits: {waiting: 1000, waiting-per-source: 1000, associations: 10}\ntimeouts: {handshake: 1m}";
    const to = `targets: {80: "${formatAddress(target.address)}"}`;
    await Deno.writeTextFile(file, `channels: [${channels.map(formatAddress)}]\n${to}\n${limits}\n`);
    await using server = await Handler.start("server", ["--config", file], limited(100));
    assertEquals((await server.waitForLog("few open files")).limit, 100);
    const entry = { host: "127.0.0.1", port: freePort("127.0.0.1") };
    await using _client = await startClient(channels, ["--forward", `${formatAddress(entry)}=web:80`]);
    using application = await connect(entry);
    const served = await target.accept(server);

    using strangers = new DisposableStack();
    for (let index = 0; index < 100; index++) strangers.use(await connect(channels[index % 3]!));
    const { reason } = await server.waitForLog("accept failed");
    assertStringIncludes(String(reason), "Too many open files");
    await writeAll(application, pattern(10_000));
    assertEquals(await readExactly(served, 10_000), pattern(10_000));

    strangers.dispose();
    await associate(channels);
    assertLessOrEqual(server.logged("accept failed").length, 3, server.describe());
  },
);
