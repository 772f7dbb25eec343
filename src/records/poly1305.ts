import { type Poly1305, wasmPoly1305 } from "./hashes.ts";
import { loadOpensslPoly1305 } from "./openssl_poly1305.ts";

/** From this many bytes on, OpenSSL's speed outweighs its three calls. */
const WORTH_CALLS = 512;

let fastest: Poly1305 | undefined;

/** The fastest Poly1305 of this system: OpenSSL's for long messages, where it is right; WebAssembly's otherwise. */
export function fastestPoly1305(): Poly1305 {
  return fastest ??= withOpenssl(loadOpensslPoly1305());
}

/**
 * Combines OpenSSL's Poly1305 with WebAssembly's, by a message's length.
 *
 * @param openssl Used only if it gives the right answers to published test vectors; null where there is none.
 */
export function withOpenssl(openssl: Poly1305 | null): Poly1305 {
  if (openssl === null || !isRight(openssl)) return wasmPoly1305;
  return (key, message, hash) => (message.length < WORTH_CALLS ? wasmPoly1305 : openssl)(key, message, hash);
}

/** Tests with RFC 8439: the example of section 2.5.2, and vectors 8 and 6 of appendix A.3, whose sums carry. */
function isRight(poly1305: Poly1305): boolean {
  const hash = new Uint8Array(16), text = new TextEncoder();
  const gives = (key: string, message: Uint8Array, expected: string): boolean => {
    poly1305(Uint8Array.fromHex(key), message, hash);
    return hash.toHex() === expected;
  };
  try {
    return gives(
      "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b",
      text.encode("Cryptographic Forum Research Group"),
      "a8061dc1305136c6c22b8baf0c0127a9",
    ) && gives(
      "01" + "00".repeat(31),
      Uint8Array.fromHex("ff".repeat(16) + "fbfefefefefefefefefefefefefefefe" + "01".repeat(16)),
      "00".repeat(16),
    ) && gives(
      "02" + "00".repeat(15) + "ff".repeat(16),
      Uint8Array.fromHex("02" + "00".repeat(15)),
      "03" + "00".repeat(15),
    );
  } catch {
    return false;
  }
}
