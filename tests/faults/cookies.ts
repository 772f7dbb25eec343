/** Cookies whose bytes stand for no message. */
import { COOKIE_LENGTH } from "../../src/wire/greeting.ts";

/**
 * Makes each byte of later cookies 2 or 3, plus a multiple of 4, below 128. Where bytes of a channel come twice, its client
 * takes one of a cookie's for the type of the answer, and 1 or 255 would be one. Ends when it is disposed of.
 */
export function plainCookies(): Disposable {
  const system = crypto.getRandomValues;
  crypto.getRandomValues = ((into: Uint8Array<ArrayBuffer>) => {
    system.call(crypto, into);
    if (into.length === COOKIE_LENGTH) into.forEach((byte, at) => into[at] = byte & 0x7f | 2);
    return into;
  }) as typeof system;
  return { [Symbol.dispose]: () => void (crypto.getRandomValues = system) };
}
