/** The examples of routes in docs/guide/paths.md: their commands have the output that is shown. */
import { assertEquals } from "@std/assert";
import { fenced, section, words } from "../docs/markdown.ts";
import { page } from "../docs/pages.ts";
import { micssCommand, startServer } from "../support/handlers/handlers.ts";
import { makeTempDir, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import type { Namespace } from "../support/system/namespaces.ts";
import { makeTwoLinks } from "../support/system/two_links.ts";
import { makeTunnelledLink } from "../support/system/vpn.ts";

const PAGE = "docs/guide/paths.md", ROOT = new URL("../../", import.meta.url).pathname;

const CHANNELS = ["192.0.2.10", "198.51.100.10"].map((host) => ({ host, port: 6522 }));

/** Runs the commands of an example, in its order, on the host where it is shown. @returns What the page should show. */
async function replay(heading: string, { within }: Namespace): Promise<{ shown: string; real: string }> {
  await using directory = await makeTempDir();
  const { text, files } = page(PAGE);
  for (const [name, content] of files) await Deno.writeTextFile(`${directory.path}/${name}`, content);
  // Comments in files look like headings.
  const example = section(text.replace(/^```yaml\n.*?^```$/gms, ""), heading);
  const blocks = fenced(example).map(({ content }) => content).filter((content) =>
    !/^\$ .* watch |^session /.test(content)
  );
  const real: string[] = [];
  for (const [, line = ""] of blocks.join("").matchAll(/^\$ (.*)$/gm)) {
    const [program, ...args] = words(line).map((word) => files.has(word) ? `${directory.path}/${word}` : word);
    const command = program === "micss" ? [...await micssCommand(), ...args] : [program!, ...args];
    const { text, stderr } = await run(command, { within, cwd: ROOT, mayFail: true });
    real.push(`$ ${line}\n`, text(), stderr);
  }
  return { shown: normal(blocks.join("")), real: normal(real.join("")) };
}

/** Removes what differs between runs: times, and spaces at ends of lines. */
function normal(text: string): string {
  return text.replace(/ +[\d.]+ ms/g, " TIME").replace(/ROUND TRIP +/g, "ROUND TRIP ").replace(/ +$/gm, "");
}

testWith(["network namespaces"], "micss paths has the output that is shown", async () => {
  await using links = await makeTwoLinks();
  await using _server = await startServer(CHANNELS, "80=127.0.0.1:80", links.server);
  const { shown, real } = await replay("## Separate or not", links.client);
  assertEquals(real, shown);
});

testWith(["network namespaces"], "the example of Wi-Fi and LTE has its output", async () => {
  await using links = await makeTwoLinks();
  await using _server = await startServer(CHANNELS, "80=127.0.0.1:80", links.server);
  const { shown, real } = await replay("### Wi-Fi and LTE on one laptop", links.client);
  assertEquals(real, shown);
});

testWith(["network namespaces"], "the example of two carriers has its output", async () => {
  await using links = await makeTwoLinks();
  await links.server.ip(
    "route del 192.168.1.0/24",
    "route del default",
    "route add default via 192.0.2.1 dev eth0 metric 100",
    "route add default via 198.51.100.1 dev eth1 metric 200",
  );
  const { shown, real } = await replay("### Two carriers in a rack", links.server);
  assertEquals(real, shown);
});

testWith(["network namespaces"], "the example of a VPN has its output", async () => {
  await using links = await makeTunnelledLink();
  await using _server = await startServer(CHANNELS, "80=127.0.0.1:80", links.server);
  const { shown, real } = await replay("### A VPN as the second path", links.client);
  assertEquals(real, shown);
});
