/** Real programs that use UDP, over three channels between namespaces: DNS, iperf3, and a WireGuard tunnel. */
import { assert, assertEquals } from "@std/assert";
import { setTimeout as sleep } from "node:timers/promises";
import { thresholdScheme } from "../../src/sharing/threshold.ts";
import { Handler } from "../support/handlers/handlers.ts";
import { startDns } from "../support/programs/dns.ts";
import { startNginx } from "../support/programs/nginx.ts";
import { configFile, makeTempDir, Program, run } from "../support/programs/process.ts";
import { testWith } from "../support/programs/programs.ts";
import { sha256 } from "../support/programs/tcp.ts";
import { Pings, startWireGuard, WIREGUARD_NEEDS } from "../support/programs/wireguard.ts";
import { Random } from "../support/random/random.ts";
import { Capture } from "../support/system/capture.ts";
import { readDatagrams } from "../support/system/captured_datagrams.ts";
import { Runs, xorOf } from "../support/system/capture_runs.ts";
import { makeTopology, type Namespace, type Topology } from "../support/system/namespaces.ts";
import { makeTwoLinks } from "../support/system/two_links.ts";
import { CURL } from "./core.ts";
import { asHandler } from "./paths.ts";
import { mustRoutes } from "./routes.ts";

/** Length of a packet's head, and of the tag and flow of a message (docs/PROTOCOL.md A.2). */
const PACKET_HEAD = 14, MESSAGE_HEAD = 18;

/** MTU of a tunnel: what is left of 1,500 after IPv4, UDP, a packet's 32 bytes and WireGuard's 32. */
const TUNNEL_MTU = 1408;

/** Time in milliseconds in which a channel that broke has been given up, and joined again once its link is back. */
const TIMEOUTS = "timeouts: {ping: 300ms, silence: 1s}";

/** Programs and rights that captures need. */
const CAPTURE_NEEDS = ["network namespaces", "tcpdump", "curl", "dig", "dnsmasq"];

/** Number of attempts at a measurement without a loss. */
const TRIES = 3;

interface World extends AsyncDisposable {
  readonly topology: Topology;
  readonly server: Handler;
  readonly client: Handler;
}

/** Handlers in two namespaces, with the ports of DNS, iperf3 and WireGuard. @param settings Of both, in YAML. */
async function openWorld(settings: string): Promise<World> {
  await using making = new AsyncDisposableStack();
  const topology = making.use(await makeTopology()), { near, far, ipv4 } = topology;
  const channels = `channels: [${ipv4}]`, ports = { dns: 53, iperf: 5201, wireguard: 51820 };
  const targets = `targets: {5201: 127.0.0.1}\nudp-targets: {${
    Object.values(ports).map((port) => `${port}: 127.0.0.1`)
  }}`;
  const forwards = `forward: ["127.0.0.1:5201=web:5201"]\nudp-forward: ${
    JSON.stringify(Object.values(ports).map((port) => `127.0.0.1:${port}=web:${port}`))
  }`;
  const { file: serverFile } = making.use(await configFile(`${channels}\n${targets}\n${settings}\n`));
  const { file: clientFile } = making.use(
    await configFile(`servers: {web: {${channels}}}\n${forwards}\n${settings}\n`),
  );
  const server = making.use(await Handler.start("server", ["--config", serverFile], far));
  const client = making.use(await Handler.start("client", ["--config", clientFile], asHandler(near.within)));
  const made = making.move();
  return { topology, server, client, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/** Starts iperf3's server. */
async function startIperf({ within }: Namespace): Promise<Program> {
  await using making = new AsyncDisposableStack();
  const program = making.use(Program.start(["iperf3", "--server", "--forceflush"], { within }));
  await program.waitForLine(/^Server listening/);
  making.move();
  return program;
}

/** Sends datagrams for a time, in seconds, with iperf3. @returns How many were sent, and how many of them lost. */
async function sendDatagrams({ within }: Namespace, seconds: number, ...flags: string[]) {
  const rate = ["--udp", "--bitrate", "2M", "--length", "1200", "--time", `${seconds}`, "--json"];
  const report = JSON.parse((await run(["iperf3", "--client", "127.0.0.1", ...rate, ...flags], { within })).text());
  const { packets, lost_packets: lost } = report.end.sum;
  return { packets, lost };
}

/** Asks for a hundred texts by DNS. @returns The texts, and the shares of each channel. */
async function captureAnswers(
  settings: string,
): Promise<{ texts: readonly string[]; shares: Map<string, Uint8Array>[] }> {
  const random = new Random(1), word = () => random.bytes(9).toHex();
  const records = new Map(
    Array.from({ length: 100 }, (_, at) => [`name${at}.test`, `${word()} is the answer to ${at}: ${word()}`]),
  );
  await using world = await openWorld(settings);
  const { topology: { near, far, devices, ipv4 } } = world;
  await using _dns = await startDns(records, far);
  await using directory = await makeTempDir();
  await using captures = new AsyncDisposableStack();
  const running = await Promise.all(
    devices.map(async (device) => captures.use(await Capture.start(device, `${directory.path}/${device}.pcap`, near))),
  );
  await Deno.writeTextFile(`${directory.path}/names`, [...records.keys()].map((name) => `${name} TXT\n`).join(""));
  const dig = ["dig", "@127.0.0.1", "+short", "+noedns", "-f", `${directory.path}/names`];
  const { text } = await run(dig, near);
  const texts = [...records.values()];
  assertEquals(text(), texts.map((text) => `"${text}"\n`).join(""));
  const channels = await Promise.all(running.map(async (capture, at) => readDatagrams(await capture.end(ipv4[at]!))));
  return { texts, shares: channels.map(sharesOf) };
}

/** Datagrams of which some channels have shares, joined one after the other. @param join Joins the shares of one. */
function messagesOf(channels: readonly Map<string, Uint8Array>[], join: (shares: Uint8Array[]) => Uint8Array): string {
  const decoder = new TextDecoder("latin1");
  return [...channels[0]!.keys()].map((name) => {
    const shares = channels.map((channel) => channel.get(name)).filter((share) => share !== undefined);
    return shares.length < channels.length ? "" : decoder.decode(join(shares).subarray(MESSAGE_HEAD));
  }).join("");
}

/** Asserts that no share of a channel has 8 bytes of a text in a row. */
function assertNoise(shares: Iterable<Uint8Array>, texts: readonly string[]): void {
  const runs = new Runs(new TextEncoder().encode(texts.join("\n")));
  for (const share of shares) assertEquals(runs.countIn(share), 0);
}

testWith(
  CAPTURE_NEEDS,
  "answers of DNS are in no channel, nor in the XOR of any two of three, and in the XOR of all",
  async () => {
    const { texts, shares } = await captureAnswers("");
    for (const channel of shares) assertNoise(channel.values(), texts);
    for (const [one, other] of [[0, 1], [0, 2], [1, 2]] as const) {
      const [left, right] = [shares[one]!, shares[other]!];
      const xors = left.entries().filter(([name]) => right.has(name)).map(([name, share]) =>
        xorOf([share, right.get(name)!])
      );
      assertNoise(xors, texts);
    }
    const joined = messagesOf(shares, xorOf);
    for (const text of texts) assert(joined.includes(text), text);
  },
);

testWith(CAPTURE_NEEDS, "with two of three, answers of DNS are in no channel, and in any two", async () => {
  const { texts, shares } = await captureAnswers("threshold: 2"), scheme = thresholdScheme(2);
  for (const channel of shares) assertNoise(channel.values(), texts);
  for (const indexes of [[0, 1], [0, 2], [1, 2]]) {
    const joined = messagesOf(indexes.map((index) => shares[index]!), (some) => {
      const copies = some.map((share) => share.slice());
      scheme.join(copies, indexes);
      return copies[0]!;
    });
    // The server sends on two until it knows the client's address on the third.
    const known = texts.filter((text) => joined.includes(text)).length;
    assert(known >= texts.length / 2, `${indexes}: ${known}`);
  }
});

/** The shares of a channel, by direction and sequence number. */
function sharesOf(datagrams: ReturnType<typeof readDatagrams>): Map<string, Uint8Array> {
  return new Map(
    datagrams.filter(({ from, to }) => from === 6522 || to === 6522).map(({ to, bytes }) => [
      `${to === 6522 ? "up" : "down"} ${bytes.subarray(8, PACKET_HEAD).toHex()}`,
      bytes.subarray(PACKET_HEAD),
    ]),
  );
}

testWith(
  [...WIREGUARD_NEEDS, "iperf3", "iptables", "nginx", "curl"],
  "two of three: not a datagram is lost while a channel loses packets, is gone, or has another address",
  async () => {
    await using world = await openWorld(`threshold: 2\n${TIMEOUTS}`);
    const { topology: { near, far } } = world;
    await using parts = new AsyncDisposableStack();
    parts.use(await startIperf(far));
    const options = { endpoint: "127.0.0.1:51820", port: 51820, mtu: TUNNEL_MTU };
    const tunnel = parts.use(await startWireGuard(near, far, options));
    const nginx = parts.use(await startNginx([`${tunnel.far}:80`], far));
    const content = new Random(1).bytes(2_000_000);
    await Deno.writeFile(`${nginx.root}/file`, content);
    await run(["ping", "-c", "1", tunnel.far], near);
    const breaks: Record<string, { seconds: number; run: () => Promise<void> }> = {
      "a fifth of the packets lost": {
        seconds: 2,
        async run() {
          const rule = [
            "INPUT",
            "-i",
            "c3",
            "-p",
            "udp",
            "-m",
            "statistic",
            "--mode",
            "random",
            "--probability",
            "0.2",
          ];
          for (const { within } of [near, far]) await run(["iptables", "-w", "-A", ...rule, "-j", "DROP"], { within });
          await sleep(1500);
          for (const { within } of [near, far]) await run(["iptables", "-w", "-D", ...rule, "-j", "DROP"], { within });
        },
      },
      "a link down": {
        seconds: 3,
        async run() {
          await near.ip("link set c1 down");
          await world.client.waitForLog("channel broken");
          await sleep(500);
          await near.ip("link set c1 up");
          await world.client.waitForLog("channel joined again", { channel: /^1 / });
        },
      },
      "another address": {
        seconds: 2,
        async run() {
          await near.ip("address del 10.77.2.1/24 dev c2", "address add 10.77.2.3/24 dev c2");
          await world.client.waitForLog("channel joined again", { channel: /^2 / });
        },
      },
    };
    for (const [name, { seconds, run: broken }] of Object.entries(breaks)) {
      await using pings = Pings.start(near, tunnel.far, TUNNEL_MTU - 28);
      await pings.answered();
      const sending = sendDatagrams(near, seconds);
      await broken();
      const { packets, lost } = await sending;
      assertEquals(lost, 0, `${name}: ${lost} of ${packets}`);
      assert(packets > 150 * seconds, `${name}: ${packets}`);
      await assertAllAnswered(name, pings);
    }
    const got = await run([...CURL, `http://${tunnel.far}/file`], near);
    assertEquals(sha256(got.stdout), sha256(content));
    for (let tries = 1;; tries++) {
      const { packets, lost } = await sendDatagrams(near, 1, "--reverse");
      if (packets > 150 && lost === 0) break;
      assert(tries < TRIES, `the other way: ${lost} of ${packets}`);
    }
  },
);

/** Asserts that no ping before the last one is without an answer. */
async function assertAllAnswered(name: string, pings: Pings): Promise<void> {
  const { sent, received } = await pings.finish();
  assert(received >= sent - 1, `${name}: ${received} of ${sent}`);
}

testWith(
  [...WIREGUARD_NEEDS, "curl", "nginx"],
  "three of three: a WireGuard tunnel goes on after a link was down, and from another address",
  async () => {
    await using world = await openWorld(TIMEOUTS);
    const { topology: { near, far } } = world;
    await using parts = new AsyncDisposableStack();
    const options = { endpoint: "127.0.0.1:51820", port: 51820, mtu: TUNNEL_MTU };
    const tunnel = parts.use(await startWireGuard(near, far, options));
    const pings = parts.use(Pings.start(near, tunnel.far));
    await pings.answered();
    await near.ip("link set c1 down");
    await world.client.waitForLog("channel broken");
    const silent = pings.last;
    await sleep(300);
    assertEquals(pings.last, silent);
    await near.ip("link set c1 up");
    await pings.answered();
    // As from Wi-Fi to LTE: the path has another address, and the tunnel knows nothing of it.
    await near.ip("address del 10.77.3.1/24 dev c3", "address add 10.77.3.3/24 dev c3");
    await world.client.waitForLog("channel joined again", { channel: /^3 / });
    await pings.answered();
    for (const handler of [world.server, world.client]) {
      assertEquals(handler.logged("association failed"), [], handler.describe());
    }
  },
);

testWith(
  ["network namespaces", "dig", "dnsmasq", "iptables"],
  "micss routes keeps a server's datagrams on their channels' links, too",
  async () => {
    await using links = await makeTwoLinks();
    const { client, server } = links, hosts = ["192.0.2.10", "198.51.100.10"] as const;
    await server.ip(
      "route del default",
      "route add default via 192.0.2.1 dev eth0 metric 100",
      "route add default via 198.51.100.1 dev eth1 metric 200",
    );
    const serverFlags = [...hosts.flatMap((host) => ["--channel", host]), "--udp-target", "53=127.0.0.1"];
    const known = ["--server", `web=${hosts[0]} via wlan0,${hosts[1]} via lte0`];
    await mustRoutes(client, "apply", ...known);
    await mustRoutes(server, "apply", "server", ...serverFlags);
    const count = async (device: string, host: string) => {
      await run(["iptables", "-w", "-A", "OUTPUT", "-o", device, "-s", host, "-p", "udp"], server);
    };
    for (const host of hosts) for (const device of ["eth0", "eth1"]) await count(device, host);
    await using _dns = await startDns(new Map([["name.test", "text"]]), server);
    await using handler = await Handler.start("server", serverFlags, server);
    await using _client = await Handler.start("client", [...known, "--udp-forward", "127.0.0.1:53=web:53"], client);
    assertEquals((await run(["dig", "@127.0.0.1", "+short", "name.test", "TXT"], client)).text(), '"text"\n');
    const { text } = await run(["iptables", "-w", "-nvxL", "OUTPUT"], server);
    const packets = text().split("\n").slice(2, 6).map((line) => Number(/^ *(\d+)/.exec(line)![1]) > 0);
    assertEquals(packets, [true, false, false, true]);
    assertEquals(handler.logged("channel not kept apart"), []);
    // Rules that take the connections alone.
    const rule = "lookup 6523002 priority 6523";
    await server.ip(
      `rule add from ${hosts[1]} ipproto tcp sport 6522 ${rule}`,
      `rule del from ${hosts[1]} sport 6522 ${rule} protocol 65`,
    );
    await handler.waitForLog("channel not kept apart", { channel: 2, reason: /^leaves by eth0, not eth1; / });
  },
);

testWith(
  ["network namespaces", "dig", "dnsmasq", "nft"],
  "datagrams reach a server behind addresses that are translated to ports of one, as Kubernetes Services are",
  async () => {
    await using topology = await makeTopology();
    const { near, far } = topology, hosts = ["192.0.2.10", "198.51.100.10", "203.0.113.10"];
    await far.ip(...hosts.map((host, at) => `address add ${host}/32 dev c${at + 1}`));
    await near.ip(...hosts.map((host, at) => `route add ${host} via 10.77.${at + 1}.2`));
    const mappings = hosts.flatMap((host, at) =>
      ["tcp", "udp"].map((protocol) => `ip daddr ${host} ${protocol} dport 6522 dnat to 10.77.1.2:${6522 + at};`)
    );
    const chain = `chain in { type nat hook prerouting priority dstnat; ${mappings.join(" ")} };`;
    await run(["nft", `table ip services { ${chain} }`], far);
    await using settings = await configFile(
      'channels: ["0.0.0.0:6522", "0.0.0.0:6523", "0.0.0.0:6524"]\ndistinct-addresses: false\n' +
        "udp-targets: {53: 127.0.0.1}\n",
    );
    await using _server = await Handler.start("server", ["--config", settings.file], far);
    const client = ["--server", `web=${hosts}`, "--udp-forward", "127.0.0.1:53=web:53"];
    await using _client = await Handler.start("client", client, near);
    await using _dns = await startDns(new Map([["name.test", "text"]]), far);
    assertEquals((await run(["dig", "@127.0.0.1", "+short", "name.test", "TXT"], near)).text(), '"text"\n');
  },
);
