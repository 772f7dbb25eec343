import type { Poly1305 } from "./hashes.ts";

const SYMBOLS = {
  EVP_MAC_fetch: { parameters: ["pointer", "buffer", "pointer"], result: "pointer" },
  EVP_MAC_CTX_new: { parameters: ["pointer"], result: "pointer" },
  EVP_MAC_init: { parameters: ["pointer", "buffer", "usize", "pointer"], result: "i32" },
  EVP_MAC_update: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  EVP_MAC_final: { parameters: ["pointer", "buffer", "buffer", "usize"], result: "i32" },
} as const;

/** The system's OpenSSL; earlier versions do not have EVP_MAC. */
const LIBRARY = "libcrypto.so.3";

const KEY_LENGTH = 32n;
const HASH_LENGTH = 16n;

/**
 * Poly1305 by the system's OpenSSL: 9 to 15 GB/s with AVX-512, 0.2 microseconds a call.
 *
 * @returns null without OpenSSL 3, without the permission to call it, or if it lacks Poly1305.
 */
export function loadOpensslPoly1305(): Poly1305 | null {
  try {
    const { symbols } = Deno.dlopen(LIBRARY, SYMBOLS);
    const algorithm = symbols.EVP_MAC_fetch(null, new TextEncoder().encode("POLY1305\0"), null);
    const context = algorithm === null ? null : symbols.EVP_MAC_CTX_new(algorithm);
    if (context === null) return null;
    const written = new Uint8Array(BigUint64Array.BYTES_PER_ELEMENT);
    return (key, message, hash) => {
      const done = symbols.EVP_MAC_init(context, buffer(key), KEY_LENGTH, null) === 1 &&
        symbols.EVP_MAC_update(context, buffer(message), BigInt(message.length)) === 1 &&
        symbols.EVP_MAC_final(context, buffer(hash), written, HASH_LENGTH) === 1;
      if (!done) throw new Error("OpenSSL computed no hash");
    };
  } catch {
    // Not there, or not allowed: the caller has another way.
    return null;
  }
}

function buffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
