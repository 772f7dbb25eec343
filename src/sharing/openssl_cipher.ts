const SYMBOLS = {
  EVP_CIPHER_CTX_new: { parameters: [], result: "pointer" },
  EVP_EncryptInit_ex: { parameters: ["pointer", "pointer", "pointer", "buffer", "buffer"], result: "i32" },
  EVP_EncryptUpdate: { parameters: ["pointer", "buffer", "buffer", "buffer", "i32"], result: "i32" },
} as const;

/** The function that names a cipher. */
const CIPHER = { parameters: [], result: "pointer" } as const;

/** Names of the OpenSSL versions that export all of these symbols. */
const LIBRARIES = ["libcrypto.so.3", "libcrypto.so.1.1"];

/** A stream cipher with a key of 32 bytes, by its name in OpenSSL. */
export type CipherName = "EVP_aes_256_ctr" | "EVP_chacha20";

/** Takes the place of a key that has served: a context holds a copy of the last one. */
const NO_KEY = new Uint8Array(32);

/**
 * Encrypts the parts of a message.
 *
 * @param key 32 bytes; only read, and kept nowhere.
 * @param counter 16 bytes with which the cipher begins; only read.
 * @param from The parts; only read.
 * @param into For each part, an array of its length: that part itself, or one that overlaps none of them.
 * @returns False on failure: what `into` then holds is of no use.
 */
export type OpensslCipher = (
  key: Uint8Array,
  counter: Uint8Array,
  from: readonly Uint8Array[],
  into: readonly Uint8Array[],
) => boolean;

/**
 * Loads a cipher of the system's OpenSSL.
 *
 * @returns null without OpenSSL, without the permission to call it, or if it lacks the cipher.
 */
export function loadOpensslCipher(name: CipherName): OpensslCipher | null {
  const wanted = { ...SYMBOLS, [name]: CIPHER } as typeof SYMBOLS & Record<CipherName, typeof CIPHER>;
  for (const library of LIBRARIES) {
    try {
      const { symbols } = Deno.dlopen(library, wanted);
      const context = symbols.EVP_CIPHER_CTX_new(), cipher = symbols[name]();
      if (context === null || cipher === null) continue;
      // Once: a context that is given its cipher again would look it up again, and cost a third of a microsecond more.
      if (symbols.EVP_EncryptInit_ex(context, cipher, null, NO_KEY, NO_KEY) !== 1) continue;
      const begin = (key: Uint8Array, counter: Uint8Array): boolean =>
        symbols.EVP_EncryptInit_ex(context, null, null, buffer(key), buffer(counter)) === 1;
      const written = new Int32Array(1), count = new Uint8Array(written.buffer);
      return (key, counter, from, into) => {
        let done = begin(key, counter);
        for (let index = 0; done && index < from.length; index++) {
          const { length } = from[index]!;
          done = symbols.EVP_EncryptUpdate(context, buffer(into[index]!), count, buffer(from[index]!), length) === 1 &&
            written[0] === length;
        }
        return begin(NO_KEY, counter) && done;
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
