/** An element's length in bytes. */
export const ELEMENT_LENGTH = 16;

/**
 * Evaluates m1 k + m2 k^2 + ... + md k^d in GF(2^128), where m1 ... md are the 16-byte blocks of `message`.
 *
 * An element is 16 bytes read as one big-endian number, whose bit i is the coefficient of x^i; the field's polynomial
 * is x^128 + x^7 + x^2 + x + 1 (that of GCM, NIST SP 800-38D, whose bit order is the reverse). The time taken depends
 * on the message's length alone. A block costs under a microsecond.
 *
 * @param message A whole number of blocks, at least one.
 * @param key k, 16 bytes.
 * @returns 16 bytes, the caller's.
 */
export function evaluate(message: Uint8Array, key: Uint8Array): Uint8Array {
  const blocks = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const k = new DataView(key.buffer, key.byteOffset, ELEMENT_LENGTH);
  const k3 = k.getUint32(0), k2 = k.getUint32(4), k1 = k.getUint32(8), k0 = k.getUint32(12);
  const sum = new DataView(new ArrayBuffer(ELEMENT_LENGTH));
  // Horner's rule from the last block: sum = (sum + block) k.
  for (let at = message.length - ELEMENT_LENGTH; at >= 0; at -= ELEMENT_LENGTH) {
    let z3 = 0, z2 = 0, z1 = 0, z0 = 0;
    for (let word = 0; word < ELEMENT_LENGTH; word += 4) {
      const factor = sum.getUint32(word) ^ blocks.getUint32(at + word);
      for (let bit = 31; bit >= 0; bit--) {
        const overflow = -(z3 >>> 31) & 0x87;
        const add = -((factor >>> bit) & 1);
        z3 = ((z3 << 1) | (z2 >>> 31)) ^ (k3 & add);
        z2 = ((z2 << 1) | (z1 >>> 31)) ^ (k2 & add);
        z1 = ((z1 << 1) | (z0 >>> 31)) ^ (k1 & add);
        z0 = (z0 << 1) ^ overflow ^ (k0 & add);
      }
    }
    sum.setUint32(0, z3);
    sum.setUint32(4, z2);
    sum.setUint32(8, z1);
    sum.setUint32(12, z0);
  }
  return new Uint8Array(sum.buffer);
}
