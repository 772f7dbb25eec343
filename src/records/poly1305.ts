import { type Poly1305, wasmPoly1305 } from "./hashes.ts";
import { loadOpensslPoly1305 } from "./openssl_poly1305.ts";
import { ELEMENT_LENGTH } from "./record.ts";

/** From this many bytes on, OpenSSL's speed outweighs its three calls. */
const WORTH_CALLS = 512;

/** The longest message that OpenSSL is tested with, in bytes: beyond it, it only repeats itself. */
const LONGEST_TEST = 8192;

let fastest: Poly1305 | undefined;

/** The fastest Poly1305 of this system: OpenSSL's for long messages, where it is right; WebAssembly's otherwise. */
export function fastestPoly1305(): Poly1305 {
  return fastest ??= withOpenssl(loadOpensslPoly1305());
}

/**
 * Combines OpenSSL's Poly1305 with WebAssembly's, by a message's length.
 *
 * @param openssl Used only if it gives the right answers to test vectors; null if the system has none.
 */
export function withOpenssl(openssl: Poly1305 | null): Poly1305 {
  if (openssl === null || !isRight(openssl)) return wasmPoly1305;
  return (key, message, hash) => (message.length < WORTH_CALLS ? wasmPoly1305 : openssl)(key, message, hash);
}

/** RFC 8439: the example of section 2.5.2, and vectors 8 and 6 of appendix A.3, whose sums carry. */
const PUBLISHED: readonly [key: string, message: string, hash: string][] = [
  [
    "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b",
    "43727970746f6772617068696320466f72756d2052657365617263682047726f7570",
    "a8061dc1305136c6c22b8baf0c0127a9",
  ],
  [
    "01".padEnd(64, "0"),
    "ff".repeat(16) + "fb" + "fe".repeat(15) + "01".repeat(16),
    "00".repeat(16),
  ],
  ["02".padEnd(32, "0") + "ff".repeat(16), "02".padEnd(32, "0"), "03".padEnd(32, "0")],
];

/** Tests with published vectors, and with longer messages, for which OpenSSL has other code, against WebAssembly. */
function isRight(poly1305: Poly1305): boolean {
  const hashOf = (by: Poly1305, key: Uint8Array, message: Uint8Array): string => {
    const hash = new Uint8Array(ELEMENT_LENGTH);
    by(key, message, hash);
    return hash.toHex();
  };
  const bytes = Uint8Array.fromHex, key = bytes(PUBLISHED[0]![0]);
  const long = Uint8Array.from({ length: LONGEST_TEST }, (_, index) => 255 - index % 251);
  try {
    return PUBLISHED.every(([key, message, hash]) => hashOf(poly1305, bytes(key), bytes(message)) === hash) &&
      [WORTH_CALLS, 1000, 4095, LONGEST_TEST].every((length) => {
        const message = long.subarray(0, length);
        return hashOf(poly1305, key, message) === hashOf(wasmPoly1305, key, message);
      });
  } catch {
    return false;
  }
}
