import { multiply, toElement, toInteger } from "./sealing.ts";
import { counted, join, uint, type Vector } from "./vector.ts";

const ATTEMPTS = 8;

/** Requests to join a channel again, and their answers (docs/PROTOCOL.md 9.2, 9.3). */
export function rejoins(): Vector[] {
  return [
    rejoin("first attempt", "Nothing has arrived on either side", { index: 0, attempt: 0, received: 0, answered: 0 }),
    rejoin("last attempt", "Channel 16, more than 2^32 bytes", {
      index: 15,
      attempt: 7,
      received: 2 ** 33 + 5,
      answered: 2 ** 53 - 1,
    }),
    rejoin("channel 3", "An attempt between the first and the last", {
      index: 2,
      attempt: 3,
      received: 70_000,
      answered: 1_000,
    }),
  ];
}

function rejoin(
  name: string,
  description: string,
  { index, attempt, received, answered }: Record<"index" | "attempt" | "received" | "answered", number>,
): Vector {
  const handle = counted(16, 1), cookie = counted(16, 200), secrets = counted(272);
  const key = secrets.subarray(0, 16),
    code = (side: number, received: number, block: Uint8Array) => {
      const mask = secrets.subarray(16 * (1 + attempt + side * ATTEMPTS)).subarray(0, 16);
      const first = join(new Uint8Array(5), uint(side, 1), uint(index, 1), uint(attempt, 1), uint(received, 8));
      const a = toInteger(key);
      const sum = multiply(toInteger(first), a) ^ multiply(toInteger(block), multiply(a, a)) ^ toInteger(mask);
      return toElement(sum);
    };
  const asked = code(0, received, cookie);
  const answer = code(1, answered, join(new Uint8Array(8), uint(received, 8)));
  return {
    name,
    description,
    index,
    handle: handle.toHex(),
    secrets: secrets.toHex(),
    cookie: cookie.toHex(),
    attempt,
    received,
    answered,
    rejoin: join(Uint8Array.of(3), handle, uint(attempt, 1), uint(received, 8), asked).toHex(),
    rejoined: join(Uint8Array.of(3), uint(answered, 8), answer).toHex(),
  };
}
