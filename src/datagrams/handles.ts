import type { PadSource } from "../sharing/system_pads.ts";
import { PACKET_HANDLE_LENGTH } from "../wire/datagrams.ts";

/**
 * The handles that a receiver has handed out, and what each stands for. Handles are random: an attacker off the channel
 * can name none, and one on it sees them.
 */
export class HandleTable<T> {
  readonly #random: PadSource;
  /** By the first six bytes, which no two share: a number is found faster than text. */
  readonly #entries = new Map<number, { readonly handle: Uint8Array; readonly value: T }>();

  /** Creates an empty table. @param random A CSPRNG. */
  constructor(random: PadSource) {
    this.#random = random;
  }

  /** Number of handles. */
  get size(): number {
    return this.#entries.size;
  }

  /** Makes a handle for `value`. @throws Whatever the source of random bytes throws. */
  add(value: T): Uint8Array<ArrayBuffer> {
    const handle = new Uint8Array(PACKET_HANDLE_LENGTH);
    do this.#random(handle); while (this.#entries.has(keyOf(handle)));
    this.#entries.set(keyOf(handle), { handle, value });
    return handle;
  }

  /** Looks up the handle that a packet of at least 8 bytes begins with. */
  find(packet: Uint8Array): T | undefined {
    const entry = this.#entries.get(keyOf(packet));
    return entry?.handle[6] === packet[6] && entry?.handle[7] === packet[7] ? entry?.value : undefined;
  }

  /** Ends a handle. */
  remove(handle: Uint8Array): void {
    this.#entries.delete(keyOf(handle));
  }
}

function keyOf(bytes: Uint8Array): number {
  const low = (bytes[2]! << 24 | bytes[3]! << 16 | bytes[4]! << 8 | bytes[5]!) >>> 0;
  return (bytes[0]! << 8 | bytes[1]!) * 2 ** 32 + low;
}
