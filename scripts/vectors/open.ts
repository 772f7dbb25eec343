import { join, uint, utf8, type Vector } from "./vector.ts";

interface Destination {
  readonly port: number;
  readonly host?: string;
  readonly address?: Uint8Array;
  readonly flow?: number;
}

interface Source {
  readonly address: Uint8Array;
  readonly port: number;
}

const IPV4 = Uint8Array.of(192, 0, 2, 10), IPV6 = Uint8Array.fromHex("20010db8000000000000000000000010");

const DESTINATIONS: readonly [name: string, Destination][] = [
  ["a port", { port: 80 }],
  ["a name", { port: 8443, host: "www.example.com" }],
  ["an IPv4 address", { port: 22, address: IPV4 }],
  ["an IPv6 address", { port: 65535, address: IPV6 }],
  ["a port, for datagrams", { port: 53, flow: 4660 }],
];

const SOURCES: readonly [name: string, Source | undefined][] = [
  ["no source", undefined],
  ["an IPv4 source", { address: Uint8Array.of(198, 51, 100, 7), port: 49152 }],
  ["an IPv6 source", { address: Uint8Array.fromHex("20010db8000000000000000000000007"), port: 1 }],
];

/** The body of an OPEN frame. */
export function openBody({ port, host, address, flow }: Destination, source?: Source): Uint8Array<ArrayBuffer> {
  const kindOf = (address: Uint8Array): Uint8Array => Uint8Array.of(address.length === 4 ? 3 : 4);
  const [kind, rest] = host !== undefined
    ? [Uint8Array.of(2), join(uint(host.length, 1), utf8(host))]
    : address !== undefined
    ? [kindOf(address), address]
    : flow !== undefined
    ? [Uint8Array.of(5), uint(flow, 2)]
    : [Uint8Array.of(1), new Uint8Array(0)];
  const from = source === undefined
    ? Uint8Array.of(0)
    : join(kindOf(source.address), source.address, uint(source.port, 2));
  return join(kind, uint(port, 2), rest, from);
}

/** Bodies of OPEN frames (docs/PROTOCOL.md 5.2): each kind of destination with each kind of source, and limits. */
export function opens(): Vector[] {
  const vector = (name: string, description: string, destination: Destination, source?: Source): Vector => ({
    name,
    description,
    port: destination.port,
    ...(destination.host !== undefined && { host: destination.host }),
    ...(destination.address && { address: destination.address.toHex() }),
    ...(destination.flow !== undefined && { flow: destination.flow }),
    ...(source && { sourceAddress: source.address.toHex(), sourcePort: source.port }),
    body: openBody(destination, source).toHex(),
  });
  const longest = `${"a".repeat(63)}.`.repeat(3) + "b".repeat(61);
  return [
    ...DESTINATIONS.flatMap(([to, destination]) =>
      SOURCES.map(([from, source]) =>
        vector(`${to}, ${from}`, `The body of an OPEN frame to ${to} that tells ${from}`, destination, source)
      )
    ),
    vector("port 0", "Allowed, though no target has it: RESULT 3", { port: 0 }),
    vector("final dot", "A name with a dot at its end, and an underscore", { port: 25, host: "_mail.example.com." }),
    vector("longest", "A name of 253 bytes and an IPv6 source: 276 bytes", { port: 1, host: longest }, SOURCES[2]![1]),
  ];
}
