import { CHACHA20_WASM } from "./chacha20_wasm.ts";

/**
 * Encrypts or decrypts a message with ChaCha20 (RFC 8439, section 2.4), with block counters from 0 and a nonce of zeros: a key
 * must serve one message only. The message may lie in several arrays, and its ciphertext in as many.
 *
 * @param key 32 bytes; only read.
 * @param from The parts of the message, {@linkcode MAX_CIPHERED} bytes together at most; only read.
 * @param into For each part, an array of its length: that part itself, or one that overlaps none of them.
 */
export type StreamCipher = (key: Uint8Array, from: readonly Uint8Array[], into: readonly Uint8Array[]) => void;

/** The longest message, in bytes: a record's body, and what makes its length a multiple of 16. */
export const MAX_CIPHERED = 65_552;

/** Length in bytes of a key. */
export const CIPHER_KEY_LENGTH = 32;

/** Addresses in the module's memory, as in scripts/wasm/chacha20.ts. */
const KEY = 0, MESSAGE = 64;

/** Its exports. */
interface Module {
  readonly memory: WebAssembly.Memory;
  readonly chacha20: (length: number) => void;
}

// One instance for all: nothing is awaited between writing its inputs and reading its result.
const module = new WebAssembly.Module(Uint8Array.fromBase64(CHACHA20_WASM));
const { memory, chacha20 } = new WebAssembly.Instance(module).exports as unknown as Module;
const bytes = new Uint8Array(memory.buffer);

/** ChaCha20 in WebAssembly. It needs no permission. */
export const wasmChacha20: StreamCipher = (key, from, into) => {
  const length = from.reduce((sum, part) => sum + part.length, 0);
  if (length > MAX_CIPHERED) throw new RangeError(`a message of ${length} bytes`);
  bytes.set(key, KEY);
  let at = MESSAGE;
  for (const part of from) {
    bytes.set(part, at);
    at += part.length;
  }
  chacha20(length);
  at = MESSAGE;
  for (const part of into) {
    part.set(bytes.subarray(at, at + part.length));
    at += part.length;
  }
  bytes.fill(0, KEY, KEY + CIPHER_KEY_LENGTH);
};
