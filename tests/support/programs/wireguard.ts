import type { Namespace } from "../system/namespaces.ts";
import { makeTempDir, Program, run } from "./process.ts";

/** Programs that a tunnel needs, and the device that makes others. */
export const WIREGUARD_NEEDS = ["network namespaces", "wireguard-go", "wg", "ping", "/dev/net/tun"];

/** A WireGuard tunnel between two namespaces, of programs without the kernel's module. */
export interface WireGuard extends AsyncDisposable {
  /** Address of the near end, within the tunnel. */
  readonly near: string;
  /** Address of the far end, within the tunnel. */
  readonly far: string;
}

/** Tunnels that this process has started. */
let started = 0;

/**
 * Starts a tunnel; its first packet makes the handshake.
 *
 * @param endpoint Where the near end sends to, `HOST:PORT`. The far end answers whoever sends to it.
 * @param port UDP port at which the far end listens.
 * @param mtu MTU of the tunnel's devices.
 */
export async function startWireGuard(
  near: Namespace,
  far: Namespace,
  { endpoint, port, mtu }: { endpoint: string; port: number; mtu: number },
): Promise<WireGuard> {
  await using making = new AsyncDisposableStack();
  const { path } = making.use(await makeTempDir());
  // Devices are each namespace's own, but their control sockets are in one directory of the machine.
  const name = `wg${Deno.pid}-${started++}`;
  const ends = [
    { host: near, device: `${name}n`, address: "10.99.0.1", key: await makeKey(`${path}/near`) },
    { host: far, device: `${name}f`, address: "10.99.0.2", key: await makeKey(`${path}/far`) },
  ] as const;
  for (const [at, { host, device, address, key }] of ends.entries()) {
    const env = { LOG_LEVEL: "verbose" };
    const program = making.use(Program.start(["wireguard-go", "-f", device], { within: host.within, env }));
    await program.waitForLine(/UAPI listener started/);
    const other = ends[1 - at]!;
    const peer = ["peer", other.key.public, "allowed-ips", `${other.address}/32`];
    const place = at === 0 ? ["endpoint", endpoint] : [];
    const listening = at === 0 ? [] : ["listen-port", `${port}`];
    await run(["wg", "set", device, "private-key", key.file, ...listening, ...peer, ...place], { within: host.within });
    await host.ip(`address add ${address}/24 dev ${device}`, `link set ${device} mtu ${mtu} up`);
  }
  const made = making.move();
  return { near: ends[0].address, far: ends[1].address, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/** Makes a key pair. @param file Gets the private key. */
async function makeKey(file: string): Promise<{ file: string; public: string }> {
  const key = (await run(["wg", "genkey"])).text();
  await Deno.writeTextFile(file, key, { mode: 0o600 });
  return { file, public: (await run(["wg", "pubkey"], { input: key })).text().trim() };
}

/** Pings that run, and what became of them. */
export class Pings implements AsyncDisposable {
  readonly #program: Program;

  private constructor(program: Program) {
    this.#program = program;
  }

  /** Pings a host ten times a second. @param size Bytes of ICMP's payload; DF is set. */
  static start({ within }: Namespace, host: string, size = 56): Pings {
    const command = ["ping", "-n", "-i", "0.1", "-M", "do", "-s", `${size}`, host];
    return new Pings(Program.start(command, { within }));
  }

  /** Number of the last ping with an answer; 0 before the first. */
  get last(): number {
    return Math.max(0, ...this.#program.lines.map(numberOf));
  }

  /** Waits until a ping that was sent after this call has an answer. */
  async answered(): Promise<void> {
    const before = this.last;
    await this.#program.waitForLine((line) => numberOf(line) > before + 1, `answer after ping ${before + 1}`);
  }

  /** Ends them; the last one may be under way. @returns The numbers of pings that were sent and answered. */
  async finish(): Promise<{ sent: number; received: number }> {
    await this.#program.stop("SIGINT");
    const line = await this.#program.waitForLine(/packets transmitted/);
    const [, sent, received] = /^(\d+) packets transmitted, (\d+) received/.exec(line)!;
    return { sent: Number(sent), received: Number(received) };
  }

  /** Ends them. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.stop("SIGINT");
  }
}

/** The number of the ping whose answer a line reports; 0 if it reports none. */
function numberOf(line: string): number {
  return Number(/ bytes from .*icmp_seq=(\d+)/.exec(line)?.[1] ?? 0);
}
