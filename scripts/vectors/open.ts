import { type Destination, encodeOpen, type Open } from "../../src/wire/open.ts";
import type { Vector } from "./vector.ts";

const DESTINATIONS: readonly [name: string, Destination][] = [
  ["a port", { kind: "port", port: 80 }],
  ["a name", { kind: "name", port: 8443, host: "www.example.com" }],
  ["an IPv4 address", { kind: "address", port: 22, address: Uint8Array.of(192, 0, 2, 10) }],
  ["an IPv6 address", {
    kind: "address",
    port: 65535,
    address: Uint8Array.fromHex("20010db8000000000000000000000010"),
  }],
];

const SOURCES: readonly [name: string, Open["source"]][] = [
  ["no source", undefined],
  ["an IPv4 source", { address: Uint8Array.of(198, 51, 100, 7), port: 49152 }],
  ["an IPv6 source", { address: Uint8Array.fromHex("20010db8000000000000000000000007"), port: 1 }],
];

/** Bodies of OPEN frames (docs/PROTOCOL.md 4.2): each kind of destination with each kind of source. */
export function opens(): Vector[] {
  return DESTINATIONS.flatMap(([to, destination]) =>
    SOURCES.map(([from, source]) => ({
      name: `${to}, ${from}`,
      description: `The body of an OPEN frame to ${to} that tells ${from}`,
      port: destination.port,
      ...(destination.kind === "name" && { host: destination.host }),
      ...(destination.kind === "address" && { address: destination.address.toHex() }),
      ...(source && { sourceAddress: source.address.toHex(), sourcePort: source.port }),
      body: encodeOpen(source ? { destination, source } : { destination }).toHex(),
    }))
  );
}
