import { greeting, list } from "./handshake.ts";
import { openBody } from "./open.ts";
import { changed, counted, join, utf8, type Vector } from "./vector.ts";

/** Messages that must be refused, each with its kind: greeting, associate, reply, or open. */
export function invalid(): Vector[] {
  const cookie = counted(16), other = counted(16, 16);
  const toPort = openBody({ port: 80 });
  return [
    vector("greeting", "another protocol", "An SSH server answers", utf8("SSH-2.0-OpenSSH_9.2p1\r\n")),
    vector("greeting", "version 1", "A server of version 1", changed(greeting(cookie), 5, 1)),
    vector("greeting", "version 3", "A server of version 3", changed(greeting(cookie), 5, 3)),
    vector("associate", "another type", "Neither a list of cookies nor a question", changed(list(cookie, other), 0, 3)),
    vector("associate", "one cookie", "Fewer than 2 channels", list(cookie)),
    vector(
      "associate",
      "17 cookies",
      "More than 16 channels",
      list(...Array.from({ length: 17 }, (_, i) => counted(16, i))),
    ),
    vector("associate", "a cookie twice", "Two shares on one channel", list(cookie, other, cookie)),
    vector("reply", "unknown reason", "Refused for reason 7", Uint8Array.of(255, 7)),
    vector("reply", "reason 0", "Refused for reason 0", Uint8Array.of(255, 0)),
    vector("reply", "unknown type", "Neither an echo nor a refusal", Uint8Array.of(2, 1)),
    vector("open", "left over", "A byte behind the body", join(toPort, Uint8Array.of(0))),
    vector("open", "too short", "No kind of source", toPort.subarray(0, 3)),
    vector("open", "unknown kind", "Kind 6", changed(toPort, 0, 6)),
    vector("open", "no flow", "A flow of datagrams without a number", Uint8Array.fromHex("05003500")),
    vector("open", "kind 0", "Kind 0", changed(toPort, 0, 0)),
    vector("open", "unknown source", "Source of kind 1", changed(toPort, 3, 1)),
    vector("open", "cut source", "An IPv4 source without a port", Uint8Array.fromHex("01005003c6336407")),
    vector("open", "no name", "A name of no bytes", Uint8Array.fromHex("0200500000")),
    vector("open", "bad name", "A name with a line break", Uint8Array.fromHex("020050020a6100")),
    vector("open", "two dots", "A name with two dots at its end", Uint8Array.fromHex("02005003612e2e00")),
    vector(
      "open",
      "long name",
      "A name of 254 bytes",
      join(Uint8Array.of(2, 0, 80, 254), utf8("a".repeat(254)), Uint8Array.of(0)),
    ),
  ];
}

function vector(of: string, name: string, description: string, bytes: Uint8Array): Vector {
  return { name: `${of}: ${name}`, description, of, bytes: bytes.toHex() };
}
