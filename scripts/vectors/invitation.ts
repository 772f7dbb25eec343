import { createHash } from "node:crypto";
import { counted, flipped, join, uint, utf8, type Vector } from "./vector.ts";

const TOKEN = counted(32);
const SERVER_KEY = counted(32, 64);
const CHANNELS = ["04c000020a197a", "04c633640a1b58", "0620010db8000000000000000000000010197a"];

/** Invitations (docs/PROTOCOL.md 8.6, 8.7). */
export function invitations(): Vector[] {
  return [
    invitation("two channels", "A server with two IPv4 addresses", "web", CHANNELS.slice(0, 2), 1_798_761_600),
    invitation(
      "three channels",
      "A server with an IPv6 address, too, and a name with a dot",
      "db-1.example",
      CHANNELS,
      1,
    ),
  ];
}

function invitation(name: string, description: string, server: string, channels: string[], expires: number): Vector {
  const content = contentOf(server, channels, expires);
  return {
    name,
    description,
    expires,
    token: TOKEN.toHex(),
    serverKey: SERVER_KEY.toHex(),
    server,
    channels,
    line: lineOf(content),
    id: digest("MICSS/2 invitation id\0", TOKEN, 8).toHex(),
    key: digest("MICSS/2 invitation key\0", content, 32).toHex(),
  };
}

/** Lines that must be refused (docs/PROTOCOL.md 8.6). */
export function invalidInvitations(): Vector[] {
  const content = contentOf("web", CHANNELS, 1), line = lineOf(content);
  const cases: [name: string, description: string, line: string][] = [
    ["another kind", "A word that is not the kind's", line.replace("-v1", "-v2")],
    ["no second word", "Nothing follows the kind", "micss-invite-v1"],
    ["truncated", "The last character is missing", line.slice(0, -1)],
    [
      "altered",
      "One bit of the token is another, and the checksum is that of before",
      lineOf(flipped(content, 20), content),
    ],
    ["not base64url", "A character outside of the alphabet", line.replace("micss-invite-v1 A", "micss-invite-v1 +")],
    ["one channel", "Fewer than 2 channels", lineOf(contentOf("web", CHANNELS.slice(0, 1), 1))],
    ["no name", "An empty name", lineOf(contentOf("", CHANNELS, 1))],
    [
      "a number for a name",
      "A name that an application would take for an address",
      lineOf(contentOf("127.1", CHANNELS, 1)),
    ],
    ["a path for a name", "A name with a slash", lineOf(contentOf("../web", CHANNELS, 1))],
    ["too late", "It expires after the year 9999", lineOf(contentOf("web", CHANNELS, 253_402_300_800))],
  ];
  return cases.map(([name, description, line]) => ({ name, description, line }));
}

function contentOf(server: string, channels: string[], expires: number): Uint8Array<ArrayBuffer> {
  const addresses = channels.map((channel) => Uint8Array.fromHex(channel));
  return join(uint(expires, 8), TOKEN, SERVER_KEY, uint(server.length, 1), utf8(server), ...addresses);
}

/** @param summed What the checksum is over. */
function lineOf(content: Uint8Array, summed = content): string {
  const bytes = join(content, digest("MICSS/2 invitation checksum\0", summed, 8));
  return `micss-invite-v1 ${bytes.toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

function digest(context: string, bytes: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(createHash("sha256").update(context).update(bytes).digest()).slice(0, length);
}
