import { counted, join, uint, utf8, type Vector } from "./vector.ts";

/** A greeting with this cookie. */
export function greeting(cookie: Uint8Array): Uint8Array<ArrayBuffer> {
  return join(utf8("MICSS"), Uint8Array.of(2), cookie);
}

/** The list of these cookies, for XOR. */
export function list(...cookies: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return listFor(1, cookies);
}

/** The list of these cookies, for a scheme that needs all shares. */
function listFor(scheme: number, cookies: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return join(Uint8Array.of(1, scheme, cookies.length, cookies.length), ...cookies);
}

/** Greetings (docs/PROTOCOL.md 2.1). */
export function greetings(): Vector[] {
  const cookie = counted(16);
  return [{
    name: "greeting",
    description: "The server's first message on a connection",
    cookie: cookie.toHex(),
    bytes: greeting(cookie).toHex(),
  }];
}

/** Lists of cookies (docs/PROTOCOL.md 2.2). */
export function associates(): Vector[] {
  const associate = (scheme: number, of: string, channels: number): Vector => {
    const cookies = Array.from({ length: channels }, (_, index) => counted(16, index * 16));
    return {
      name: scheme === 1 ? `${channels} channels` : `${channels} channels, ${of}`,
      description: `The list of cookies, and its echo, for ${of} over ${channels} channels`,
      scheme,
      threshold: channels,
      cookies: cookies.map((cookie) => cookie.toHex()),
      bytes: listFor(scheme, cookies).toHex(),
    };
  };
  return [...[2, 3, 16].map((channels) => associate(1, "XOR", channels)), associate(3, "short shares", 3)];
}

/** Refusals of a list (docs/PROTOCOL.md 2.4). */
export function refusals(): Vector[] {
  return refusalsFor(
    1,
    ["Unacceptable", "UnknownCookie", "Mismatch", "SharedAddress", "Overloaded", "NotOffered"],
    (reason) => {
      return `The server refuses for reason ${reason}`;
    },
  );
}

/** Refusals for consecutive reasons. @param first The first reason's number. */
export function refusalsFor(first: number, names: string[], describe: (reason: number) => string): Vector[] {
  return names.map((name, index) => {
    const reason = first + index;
    return { name, description: describe(reason), reason, bytes: join(Uint8Array.of(255), uint(reason, 1)).toHex() };
  });
}
