/** The examples of docs/guide/datagrams.md and wireguard.md: their files work, and their commands have the output that is shown. */
import { assertEquals } from "@std/assert";
import { fenced, words } from "../docs/markdown.ts";
import { page } from "../docs/pages.ts";
import { Handler } from "../support/handlers/handlers.ts";
import { startDns } from "../support/programs/dns.ts";
import { makeTempDir, Program, run, type RunOptions } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { WIREGUARD_NEEDS } from "../support/programs/wireguard.ts";
import { makeTopology, type Namespace } from "../support/system/namespaces.ts";

/** The server's addresses, one per path, and the client's devices. */
const PATHS = [["192.0.2.10", "wlan0"], ["198.51.100.10", "lte0"], ["203.0.113.10", "eth0"]] as const;

/**
 * Makes a host's own place for the control sockets of WireGuard's devices, whose names are the page's, and for the
 * programs behind them, which wg-quick leaves to themselves.
 */
async function makeHost(network: Namespace, parts: AsyncDisposableStack): Promise<RunOptions> {
  await Deno.mkdir("/run/wireguard", { recursive: true });
  const script = "mount -t tmpfs tmpfs /run/wireguard; mount -t proc proc /proc; echo ready; exec cat";
  const unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-ec", script];
  const holder = Program.start(unshare, network);
  parts.defer(async () => void await holder.stop("SIGKILL"));
  await holder.waitForLine(/ready/);
  const child = (await Deno.readTextFile(`/proc/${holder.pid}/task/${holder.pid}/children`)).trim();
  return { within: ["nsenter", "--target", child, "--net", "--mount", "--pid", "--"] };
}

/** Makes the keys of both ends. @returns What stands for each on the page, and the key. */
async function makeKeys(): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  for (const end of ["HOME", "OFFICE"]) {
    const key = (await run(["wg", "genkey"])).text().trim();
    keys.set(`${end}_PRIVATE_KEY`, key);
    keys.set(`${end}_PUBLIC_KEY`, (await run(["wg", "pubkey"], { input: `${key}\n` })).text().trim());
  }
  return keys;
}

/** Removes what differs between runs: times. */
function normal(text: string): string {
  return text.replace(/time \d+ms/g, "TIME").replace(/^rtt .*/gm, "RTT").replace(/^\n+/gm, "");
}

/** Makes two hosts with the pages' three paths between them. */
async function makePaths(parts: AsyncDisposableStack): Promise<{ near: Namespace; far: Namespace }> {
  const { near, far } = parts.use(await makeTopology());
  for (const [at, [address, device]] of PATHS.entries()) {
    await far.ip(`address add ${address}/32 dev c${at + 1}`);
    await near.ip(
      `link set c${at + 1} down`,
      `link set c${at + 1} name ${device}`,
      `link set ${device} up`,
      `route add ${address} via 10.77.${at + 1}.2`,
    );
  }
  return { near, far };
}

/** Starts handlers with the files of a page. @param path A directory, where the files are put. */
async function startHandlers(
  shown: ReturnType<typeof page>,
  [server, client]: readonly [string, string],
  { near, far }: { near: Namespace; far: Namespace },
  path: string,
  parts: AsyncDisposableStack,
): Promise<void> {
  for (const [name, content] of shown.files) await Deno.writeTextFile(`${path}/${name}`, content);
  parts.use(await Handler.start("server", ["--config", `${path}/${server}`], far));
  parts.use(await Handler.start("client", ["--config", `${path}/${client}`], near));
}

/** Runs the commands of a page on a host. @returns Them with their output: the real one, and the one that is shown. */
async function replay({ text }: ReturnType<typeof page>, host: RunOptions): Promise<{ real: string; shown: string }> {
  const shown = fenced(text).filter(({ kind, content }) => kind === "" && content.startsWith("$ "))
    .map(({ content }) => content).join("");
  const real: string[] = [];
  for (const [, line = ""] of shown.matchAll(/^\$ (.*)$/gm)) {
    const { text, stderr } = await run(words(line), { ...host, mayFail: true });
    real.push(`$ ${line}\n`, text(), stderr);
  }
  return { real: normal(real.join("")), shown: normal(shown) };
}

testWith(["network namespaces", "dig", "dnsmasq"], "DNS over three paths has the output that is shown", async () => {
  await using parts = new AsyncDisposableStack();
  const hosts = await makePaths(parts), { path } = parts.use(await makeTempDir());
  parts.use(await startDns(new Map([["name.test", "an answer over three paths"]]), hosts.far));
  const example = page("docs/guide/datagrams.md");
  await startHandlers(example, ["dns-server.yaml", "dns-client.yaml"], hosts, path, parts);
  const { real, shown } = await replay(example, hosts.near);
  assertEquals(real, shown);
});

testWith([...WIREGUARD_NEEDS, "wg-quick"], "WireGuard over three paths has the output that is shown", async () => {
  await using parts = new AsyncDisposableStack();
  const hosts = await makePaths(parts), { path } = parts.use(await makeTempDir());
  const home = await makeHost(hosts.near, parts), office = await makeHost(hosts.far, parts);
  const example = page("docs/guide/wireguard.md"), keys = await makeKeys();
  const filled = (text: string) => [...keys].reduce((text, [name, key]) => text.replaceAll(name, key), text);
  for (const { content } of fenced(example.text).filter(({ kind }) => kind === "ini")) {
    const [, name] = /^# (.*)\n/.exec(content)!;
    await Deno.writeTextFile(`${path}/${name}`, filled(content), { mode: 0o600 });
  }
  await startHandlers(example, ["office.yaml", "home.yaml"], hosts, path, parts);
  await run(["wg-quick", "up", `${path}/office.conf`], office);
  await run(["wg-quick", "up", `${path}/home.conf`], home);
  await run(["ping", "-c", "1", "10.99.0.2"], home);
  const { real, shown } = await replay(example, home);
  assertEquals(real, filled(shown));
});
