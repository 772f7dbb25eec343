import { makeTempDir, Program, run } from "../tests/support/programs/process.ts";
import { freePort } from "../tests/support/programs/programs.ts";
import { startSshd } from "../tests/support/programs/sshd.ts";
import { startRelay } from "./relay.ts";
import type { Load } from "./testbed.ts";

const HOST = "127.0.0.1";

/** A tunnel between two ports of loopback through two processes, as MICSS's is. */
export interface Tunnel {
  /** Its name on the command line. */
  readonly key: string;
  /** "stunnel pair". */
  readonly name: string;
  /** Programs that it needs. */
  readonly needs: readonly string[];
  /** Starts it from `entry` to `target`; `parts` takes ownership of its processes. */
  start(entry: number, target: number, parts: AsyncDisposableStack): Promise<unknown>;
}

/** Alternatives to MICSS. */
export const TUNNELS: readonly Tunnel[] = [
  {
    key: "haproxy",
    name: "HAProxy pair",
    needs: ["haproxy"],
    async start(entry, target, parts) {
      const middle = freePort(HOST);
      await Promise.all([haproxy(middle, target, parts), haproxy(entry, middle, parts)]);
    },
  },
  {
    key: "relay",
    name: "plain Deno relay pair",
    needs: [],
    async start(entry, target, parts) {
      const middle = freePort(HOST);
      for (const [from, to] of [[middle, target], [entry, middle]]) {
        parts.use(await startRelay([`${HOST}:${from}`], [`${HOST}:${to}`]));
      }
    },
  },
  {
    key: "relay3",
    name: "plain Deno relay pair, 3 channels",
    needs: [],
    async start(entry, target, parts) {
      const middle = freePort(HOST, "127.0.0.2", "127.0.0.3");
      const channels = [1, 2, 3].map((at) => `127.0.0.${at}:${middle}`);
      parts.use(await startRelay(channels, [`${HOST}:${target}`]));
      parts.use(await startRelay([`${HOST}:${entry}`], channels));
    },
  },
  {
    key: "stunnel",
    name: "stunnel pair (TLS)",
    needs: ["stunnel", "openssl"],
    async start(entry, target, parts) {
      const { path } = parts.use(await makeTempDir());
      const key = ["-keyout", `${path}/both.pem`, "-out", `${path}/cert.pem`];
      await run([
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        ...key,
        "-days",
        "2",
        "-subj",
        "/CN=bench",
      ]);
      await run(["sh", "-c", `cat ${path}/cert.pem >>${path}/both.pem`]);
      const middle = freePort(HOST);
      await stunnel(path, middle, target, "no", parts);
      await stunnel(path, entry, middle, "yes", parts);
    },
  },
  {
    key: "spiped",
    name: "spiped pair",
    needs: ["spiped"],
    async start(entry, target, parts) {
      const { path } = parts.use(await makeTempDir());
      await Deno.writeFile(`${path}/secret`, crypto.getRandomValues(new Uint8Array(32)));
      const middle = freePort(HOST);
      for (const [mode, from, to] of [["-d", middle, target], ["-e", entry, middle]]) {
        const ends = ["-s", `[${HOST}]:${from}`, "-t", `[${HOST}]:${to}`];
        parts.use(Program.start(["spiped", "-F", String(mode), ...ends, "-k", `${path}/secret`, "-n", "0"]));
      }
    },
  },
  {
    key: "ssh",
    name: "ssh -L",
    needs: ["ssh", "sshd", "ssh-keygen"],
    async start(entry, target, parts) {
      const sshd = parts.use(await startSshd());
      parts.use(Program.start([...sshd.login(sshd.port), "-N", "-L", `${HOST}:${entry}:${HOST}:${target}`]));
    },
  },
];

/** Starts a tunnel to a port of loopback and waits until it carries connections. @returns The port of its entry. */
export async function startTunnel(
  tunnel: Tunnel,
  target: number,
  load: Load,
  parts: AsyncDisposableStack,
): Promise<number> {
  const entry = freePort(HOST);
  await tunnel.start(entry, target, parts);
  await load.wait(HOST, entry);
  return entry;
}

async function haproxy(from: number, to: number, parts: AsyncDisposableStack): Promise<void> {
  const { path } = parts.use(await makeTempDir());
  const configuration = `global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen relay
  bind ${HOST}:${from}
  server next ${HOST}:${to}
`;
  await Deno.writeTextFile(`${path}/haproxy.cfg`, configuration);
  parts.use(Program.start(["haproxy", "-f", `${path}/haproxy.cfg`]));
}

async function stunnel(
  path: string,
  from: number,
  to: number,
  client: "yes" | "no",
  parts: AsyncDisposableStack,
): Promise<void> {
  const settings = {
    ...{ foreground: "yes", debug: 3, pid: "", cert: `${path}/both.pem` },
    ...{ "[relay]\nclient": client, accept: `${HOST}:${from}`, connect: `${HOST}:${to}` },
  };
  const text = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`).join("");
  await Deno.writeTextFile(`${path}/${from}.conf`, text);
  parts.use(Program.start(["stunnel", `${path}/${from}.conf`]));
}
