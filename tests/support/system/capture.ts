import { Program, run, type RunOptions } from "../programs/process.ts";

/** One direction of a captured TCP connection. */
export interface TcpStream {
  /** The sender, `address:port`. */
  from: string;
  /** The receiver, `address:port`. */
  to: string;
  /** The payload, in order, from the first byte. */
  bytes: Uint8Array;
}

/** Port of a connection attempt that marks a capture's end; nothing listens there. */
const END_MARK = 9;

/** A tcpdump that writes a device's traffic to a file. */
export class Capture implements AsyncDisposable {
  readonly #program: Program;
  readonly #file: string;
  readonly #options: RunOptions;

  private constructor(program: Program, file: string, options: RunOptions) {
    this.#program = program;
    this.#file = file;
    this.#options = options;
  }

  /**
   * Captures all TCP and UDP on `device`.
   *
   * @param file Output file; the caller removes it.
   * @param options.within Command prefix, such as a namespace's.
   */
  static async start(device: string, file: string, options: RunOptions = {}): Promise<Capture> {
    // -Z root: otherwise tcpdump gives up its right to write to the test's files. --print: see finish().
    const flags = ["-w", file, "--print", "-l", "-n", "-s", "0", "-B", "65536", "-Z", "root"];
    await using making = new AsyncDisposableStack();
    const program = making.use(Program.start(["tcpdump", "-i", device, ...flags, "tcp or udp"], options));
    await program.waitForLine(/listening on/);
    making.move();
    return new Capture(program, file, options);
  }

  /**
   * Ends the capture once it has everything that the device has carried so far.
   *
   * @param host An address reached through the device.
   * @returns The captured streams.
   * @throws {Error} If the kernel dropped a packet, or a byte is missing from a stream.
   */
  async finish(host: string): Promise<TcpStream[]> {
    return readTcpStreams(await this.end(host));
  }

  /** Ends the capture as {@linkcode Capture.finish} does. @returns The file, in tcpdump's format. */
  async end(host: string): Promise<Uint8Array> {
    // An interrupted tcpdump discards unread packets: wait until it has read the last one sent.
    await run(["curl", "--silent", "--noproxy", "*", `http://${host}:${END_MARK}`], {
      ...this.#options,
      mayFail: true,
    });
    await this.#program.waitForLine((line) => line.includes(`> ${host}.${END_MARK}: Flags [S]`), "mark of the end");
    await this.#program.stop("SIGINT");
    await this.#program.waitForLine(/^0 packets dropped by kernel/);
    return await Deno.readFile(this.#file);
  }

  /** Ends the capture. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program.stop("SIGINT");
  }
}

interface Segment {
  from: string;
  to: string;
  sequence: number;
  syn: boolean;
  payload: Uint8Array;
}

/**
 * Reassembles the TCP payload of a capture: each connection's two directions, by their sequence numbers.
 *
 * @param pcap A file in tcpdump's format, from an Ethernet device of a machine with this one's byte order.
 * @throws {Error} If the file is not a capture, a packet was truncated, or a byte is missing from a stream.
 */
export function readTcpStreams(pcap: Uint8Array): TcpStream[] {
  const streams = new Map<string, Segment[]>();
  for (const packet of readPackets(pcap)) {
    const segment = readSegment(packet);
    if (segment === undefined) continue;
    const name = `${segment.from} ${segment.to}`;
    const segments = streams.get(name) ?? [];
    streams.set(name, segments);
    segments.push(segment);
  }
  return [...streams.values()].map((segments) => {
    const { from, to } = segments[0]!;
    return { from, to, bytes: reassemble(segments) };
  });
}

const PCAP_MAGIC = 0xa1b2c3d4;
const ETHERNET = 1;

/** The packets of a capture, from their Ethernet headers on. @throws {Error} If it is none, or a packet was truncated. */
export function* readPackets(pcap: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(pcap.buffer, pcap.byteOffset, pcap.byteLength);
  if (view.getUint32(0, true) !== PCAP_MAGIC) throw new Error("Not a capture file");
  if (view.getUint32(20, true) !== ETHERNET) throw new Error("Not a capture of an Ethernet device");
  for (let at = 24; at < pcap.length;) {
    const captured = view.getUint32(at + 8, true);
    if (captured !== view.getUint32(at + 12, true)) throw new Error("The capture has a truncated packet");
    yield pcap.subarray(at + 16, at + 16 + captured);
    at += 16 + captured;
  }
}

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const PROTOCOL_TCP = 6;
const FLAG_SYN = 2;

function readSegment(packet: Uint8Array): Segment | undefined {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const type = view.getUint16(12);
  const ip = 14;
  if (type === ETHERTYPE_IPV4 && packet[ip + 9] === PROTOCOL_TCP) {
    const tcp = ip + 4 * (packet[ip]! & 15);
    const end = ip + view.getUint16(ip + 2);
    return readTcp(packet, tcp, end, formatBytes(packet, ip + 12, 4), formatBytes(packet, ip + 16, 4));
  }
  if (type === ETHERTYPE_IPV6 && packet[ip + 6] === PROTOCOL_TCP) {
    const tcp = ip + 40;
    const end = tcp + view.getUint16(ip + 4);
    return readTcp(packet, tcp, end, formatBytes(packet, ip + 8, 16), formatBytes(packet, ip + 24, 16));
  }
  return undefined;
}

function readTcp(packet: Uint8Array, tcp: number, end: number, from: string, to: string): Segment {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  return {
    from: `${from}:${view.getUint16(tcp)}`,
    to: `${to}:${view.getUint16(tcp + 2)}`,
    sequence: view.getUint32(tcp + 4),
    syn: (packet[tcp + 13]! & FLAG_SYN) !== 0,
    payload: packet.subarray(tcp + 4 * (packet[tcp + 12]! >> 4), end),
  };
}

/** Formats an address to compare, not to read: IPv6 in plain hexadecimal. */
function formatBytes(packet: Uint8Array, at: number, length: number): string {
  const bytes = packet.subarray(at, at + length);
  return length === 4 ? bytes.join(".") : Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function reassemble(segments: Segment[]): Uint8Array {
  const start = segments.find(({ syn }) => syn)?.sequence;
  // Streams are far shorter than 2^32 bytes, so a sequence number is unique; a SYN occupies one number itself.
  const parts = segments.filter(({ payload }) => payload.length > 0).map(({ from, sequence, payload }) => {
    if (start === undefined) throw new Error(`The capture lacks the start of the stream from ${from}`);
    return { from, payload, place: (sequence - start - 1) >>> 0 };
  }).sort((a, b) => a.place - b.place);
  const bytes = new Uint8Array(Math.max(0, ...parts.map(({ place, payload }) => place + payload.length)));
  let complete = 0;
  for (const { from, place, payload } of parts) {
    if (place > complete) throw new Error(`The capture lacks bytes from ${complete} of the stream from ${from}`);
    bytes.set(payload, place);
    complete = Math.max(complete, place + payload.length);
  }
  return bytes;
}
