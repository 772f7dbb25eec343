import { MAX_BODY, RECORD_HEAD_LENGTH } from "../records/record.ts";
import { CIPHER_KEY_LENGTH } from "../sharing/stream_cipher.ts";

/** The longest body of a record, in bytes, that is shared byte by byte. A key and a fragment would save little or nothing. */
export const LONGEST_WHOLE_BODY = 1024;

/** True if a record's body is encrypted, and each channel carries a fragment of it. */
export function isDispersed(bodyLength: number): boolean {
  return bodyLength > LONGEST_WHOLE_BODY && bodyLength <= MAX_BODY;
}

/** The length in bytes of each of n fragments of a body. Only the last one may hold less of it: up to n - 1 bytes less. */
export function fragmentLength(bodyLength: number, count: number): number {
  return Math.ceil(bodyLength / count);
}

/** The number of bytes that each of n channels carries of a record. */
export function shareLength(bodyLength: number, count: number): number {
  if (!isDispersed(bodyLength)) return RECORD_HEAD_LENGTH + bodyLength;
  return RECORD_HEAD_LENGTH + CIPHER_KEY_LENGTH + fragmentLength(bodyLength, count);
}
