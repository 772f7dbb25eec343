import { xor } from "../../src/sharing/xor.ts";
import { encodeAssociate, encodeRefused, RefusedReason } from "../../src/wire/associate.ts";
import { COOKIE_LENGTH, encodeGreeting } from "../../src/wire/greeting.ts";
import { counted, members, type Vector } from "./vector.ts";

/** Greetings (docs/PROTOCOL.md 2.1). */
export function greetings(): Vector[] {
  const cookie = counted(COOKIE_LENGTH);
  return [{
    name: "greeting",
    description: "The server's first message on a connection",
    cookie: cookie.toHex(),
    bytes: encodeGreeting(cookie).toHex(),
  }];
}

/** Lists of cookies (docs/PROTOCOL.md 2.2). */
export function associates(): Vector[] {
  return [2, 3, 16].map((channels) => {
    const cookies = Array.from({ length: channels }, (_, index) => counted(COOKIE_LENGTH, index * COOKIE_LENGTH));
    return {
      name: `${channels} channels`,
      description: `The list of cookies, and its echo, for XOR over ${channels} channels`,
      scheme: xor.id,
      threshold: channels,
      cookies: cookies.map((cookie) => cookie.toHex()),
      bytes: encodeAssociate({ scheme: xor.id, threshold: channels, cookies }).toHex(),
    };
  });
}

/** Refusals of a list (docs/PROTOCOL.md 2.4). */
export function refusals(): Vector[] {
  return members(RefusedReason).map(([name, reason]) => ({
    name,
    description: `The server refuses a list for reason ${reason}`,
    reason,
    bytes: encodeRefused(reason).toHex(),
  }));
}
