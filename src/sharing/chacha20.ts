import { loadOpensslCipher } from "./openssl_cipher.ts";
import { CIPHER_KEY_LENGTH, type StreamCipher, wasmChacha20 } from "./stream_cipher.ts";

let fastest: StreamCipher | undefined;

/** The fastest ChaCha20 of this system: OpenSSL's, where it is right; WebAssembly's otherwise. */
export function fastestChacha20(): StreamCipher {
  return fastest ??= withOpenssl(loadOpensslChacha20());
}

/** The block counter and the nonce. */
const ZEROS = new Uint8Array(16);

/** ChaCha20 by the system's OpenSSL; null if {@linkcode loadOpensslCipher} finds none. */
export function loadOpensslChacha20(): StreamCipher | null {
  const encrypt = loadOpensslCipher("EVP_chacha20");
  if (encrypt === null) return null;
  return (key, from, into) => {
    if (!encrypt(key, ZEROS, from, into)) throw new Error("OpenSSL did not encrypt");
  };
}

/**
 * Chooses between OpenSSL's ChaCha20 and WebAssembly's.
 *
 * @param openssl Used only if it gives the right answers to test vectors; null if the system has none.
 */
export function withOpenssl(openssl: StreamCipher | null): StreamCipher {
  return openssl !== null && isRight(openssl) ? openssl : wasmChacha20;
}

/** RFC 8439, appendix A.1, test vector 1: the key stream of a key and a nonce of zeros. */
const PUBLISHED = "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7" +
  "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586";

/** Length in bytes of a message long enough for all of OpenSSL's code, and that ends within a block. */
const LONG = 8201;

/** Tests with a published vector, and in parts, against WebAssembly: OpenSSL has other code for longer messages. */
function isRight(cipher: StreamCipher): boolean {
  const encrypt = (by: StreamCipher, key: Uint8Array, length: number, cut: number): string => {
    const into = new Uint8Array(length), from = Uint8Array.from({ length }, (_, index) => length > 64 ? index : 0);
    by(key, [from.subarray(0, cut), from.subarray(cut)], [into.subarray(0, cut), into.subarray(cut)]);
    return into.toHex();
  };
  const key = Uint8Array.from({ length: CIPHER_KEY_LENGTH }, (_, index) => 7 * index);
  try {
    return encrypt(cipher, new Uint8Array(CIPHER_KEY_LENGTH), 64, 13) === PUBLISHED &&
      encrypt(cipher, key, LONG, 1001) === encrypt(wasmChacha20, key, LONG, 4099);
  } catch {
    return false;
  }
}
