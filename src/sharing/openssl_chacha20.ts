import { CIPHER_KEY_LENGTH, type StreamCipher } from "./stream_cipher.ts";

const SYMBOLS = {
  EVP_CIPHER_CTX_new: { parameters: [], result: "pointer" },
  EVP_chacha20: { parameters: [], result: "pointer" },
  EVP_EncryptInit_ex: { parameters: ["pointer", "pointer", "pointer", "buffer", "buffer"], result: "i32" },
  EVP_EncryptUpdate: { parameters: ["pointer", "buffer", "buffer", "buffer", "i32"], result: "i32" },
} as const;

/** Names of the OpenSSL versions that export all of these symbols. */
const LIBRARIES = ["libcrypto.so.3", "libcrypto.so.1.1"];

/** The block counter and the nonce. */
const ZEROS = new Uint8Array(16);

/** Takes the place of a key that has served: the context holds a copy of the last one. */
const NO_KEY = new Uint8Array(CIPHER_KEY_LENGTH);

/**
 * ChaCha20 by the system's OpenSSL.
 *
 * @returns null without OpenSSL, without the permission to call it, or if it lacks ChaCha20.
 */
export function loadOpensslChacha20(): StreamCipher | null {
  for (const name of LIBRARIES) {
    try {
      const { symbols } = Deno.dlopen(name, SYMBOLS);
      const context = symbols.EVP_CIPHER_CTX_new(), cipher = symbols.EVP_chacha20();
      if (context === null || cipher === null) continue;
      // Once: a context that is given its cipher again would look it up again, and cost a third of a microsecond more.
      if (symbols.EVP_EncryptInit_ex(context, cipher, null, NO_KEY, ZEROS) !== 1) continue;
      const begin = (key: Uint8Array): boolean =>
        symbols.EVP_EncryptInit_ex(context, null, null, buffer(key), ZEROS) === 1;
      const written = new Int32Array(1), count = new Uint8Array(written.buffer);
      return (key, from, into) => {
        let done = begin(key);
        for (let index = 0; done && index < from.length; index++) {
          const { length } = from[index]!;
          done = symbols.EVP_EncryptUpdate(context, buffer(into[index]!), count, buffer(from[index]!), length) === 1 &&
            written[0] === length;
        }
        if (!(begin(NO_KEY) && done)) throw new Error("OpenSSL did not encrypt");
      };
    } catch {
      // Missing, or not permitted: the caller has another way.
    }
  }
  return null;
}

function buffer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
