/** The length in bytes of KEY, with which a direction begins: k, the hash key, and the tag of both, 16 each. */
export const KEY_LENGTH = 48;

/** The length in bytes of a record's head: the body's length `u24`, the body's hash and the head's tag, 16 each. */
export const RECORD_HEAD_LENGTH = 35;

/** The shortest body of a record, in bytes. */
export const MIN_BODY = 1;

/** The longest body of a record, in bytes. */
export const MAX_BODY = 65_536;

/** Offset of the hash in a record's head; KEY has the hash key there, behind k. */
export const HASH_AT = 3;

/** Offset of the tag in a record's head. */
export const TAG_AT = 19;

/** Length in bytes of k, a hash key, a hash, a tag. */
export const ELEMENT_LENGTH = 16;

/** Fills the whole array with fresh bytes of a CSPRNG, or throws. */
export type Random = (into: Uint8Array) => void;

/** The length of the body of a record that begins at an offset; its head's first three bytes must be there. */
export function bodyLengthAt(records: Uint8Array, at: number): number {
  return records[at]! << 16 | records[at + 1]! << 8 | records[at + 2]!;
}
