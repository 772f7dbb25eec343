import { createHash } from "node:crypto";
import { K, KEY, RHO } from "./direction.ts";
import { splitShortSlowly } from "./dispersal.ts";
import { recordSlowly } from "./sealing.ts";
import { counted, join, type Vector } from "./vector.ts";

/** Length in bytes of a record's head. */
const HEAD = 35;

/** A body as the vectors state it: bytes that count up from the first one, modulo 256. */
interface Body {
  readonly first: number;
  readonly length: number;
}

/** A direction and its shares. */
interface Split {
  readonly name: string;
  readonly description: string;
  readonly bodies: readonly Body[];
  readonly shares: readonly Uint8Array<ArrayBuffer>[];
  readonly records: readonly Uint8Array[];
  /** K of each large body. */
  readonly keys: readonly Uint8Array[];
}

function split(name: string, description: string, n: number, ...bodies: Body[]): Split {
  const records = bodies.map(({ first, length }, index) => recordSlowly(K, RHO, index + 1, counted(length, first)));
  const keys: Uint8Array[] = [];
  let drawn = 0;
  const shares = splitShortSlowly(join(KEY, ...records), n, (length) => {
    const bytes = counted(length, drawn);
    drawn += length;
    return bytes;
  }, (key) => keys.push(key));
  return { name, description, bodies, shares, records, keys };
}

/** The records of three channels, which {@linkcode shortsChanged} changes. */
function three(): Split {
  return split(
    "3 channels",
    "A short body, one that fills all but 2 bytes of its fragments, one that fills all of them, and a byte",
    3,
    { first: 65, length: 34 },
    { first: 7, length: 1099 },
    { first: 200, length: 1026 },
    { first: 33, length: 1 },
  );
}

/** Short shares of whole directions (docs/PROTOCOL.md 3.9). */
export function shorts(): Vector[] {
  const vector = (
    { name, description, bodies, shares, records, keys }: Split,
    values: Record<string, unknown> = { shares: shares.map((share) => share.toHex()) },
  ): Vector => {
    let large = 0;
    return {
      name,
      description,
      channels: shares.length,
      k: K.toHex(),
      rho: RHO.toHex(),
      key: KEY.toHex(),
      records: bodies.map(({ first, length }, index) => ({
        first,
        length,
        head: records[index]!.subarray(0, HEAD).toHex(),
        ...(length > 1024 && { cipherKey: keys[large++]!.toHex() }),
      })),
      ...values,
    };
  };
  const long = (name: string, description: string, n: number): Vector => {
    const made = split(name, description, n, { first: 1, length: 65_536 });
    return vector(made, { sha256: made.shares.map((share) => createHash("sha256").update(share).digest("hex")) });
  };
  return [
    vector(
      split("2 channels", "A short body, and a large one", 2, { first: 33, length: 5 }, { first: 1, length: 1025 }),
    ),
    vector(three()),
    vector(
      split("16 channels", "The shortest fragments, 15 bytes of which hold nothing", 16, { first: 9, length: 1025 }),
    ),
    vector(
      split("edges", "The longest body that is shared byte by byte, and the shortest that is not", 3, {
        first: 0,
        length: 1024,
      }, { first: 0, length: 1025 }),
    ),
    long("longest", "65,536 bytes; of the shares their SHA-256", 3),
    long("longest, 15 channels", "The longest message for the cipher: 65,550 bytes with what fills the fragments", 15),
  ];
}

/** Shares of {@linkcode three} that arrive changed. */
export function shortsChanged(): Vector[] {
  const { name: of, shares, bodies } = three();
  // Parts of the second record, a large one, in the bytes of each channel.
  const head = KEY.length + HEAD + bodies[0]!.length, key = head + HEAD, fragment = key + 32, end = fragment + 367;
  type Change = [channel: number, at: number, xor: Uint8Array];
  const changed = (
    name: string,
    description: string,
    taken: number,
    refusedAt: number,
    ...changes: Change[]
  ): Vector => ({
    name,
    description,
    of,
    changes: changes.map(([channel, at, xor]) => ({ channel, at, xor: xor.toHex() })),
    taken,
    ...(refusedAt > 0 && { refusedAt }),
  });
  const one = Uint8Array.of(1), all = bodies.length;
  const both = shares[0]!.slice(fragment, end).map((byte, at) => byte ^ shares[1]![fragment + at]!);
  return [
    changed("KEY", "A bit of k", 0, KEY.length, [3, 0, one]),
    changed("short body", "A bit of the first record's body", 0, head, [2, head - 1, one]),
    changed("length", "A longer body; the head is refused before the body is awaited", 1, key, [1, head + 2, one]),
    changed("hash", "A bit of the hash", 1, key, [3, head + 3, one]),
    changed("key share", "A bit of one share of K: another key stream", 1, end, [2, key, one]),
    changed("last of a key share", "The last bit of K", 1, end, [3, fragment - 1, Uint8Array.of(128)]),
    changed("two key shares", "The same bit of two shares: K is as it was", all, 0, [1, key, one], [3, key, one]),
    changed("fragment", "A bit of the first fragment's first byte", 1, end, [1, fragment, one]),
    changed("end of the body", "A bit of the last byte of the body", 1, end, [3, end - 3, one]),
    changed("behind the body", "All that the last fragment holds beyond the body", all, 0, [
      3,
      end - 2,
      Uint8Array.of(255, 255),
    ]),
    changed("fragments exchanged", "The first two channels' fragments in each other's place", 1, end, [
      1,
      fragment,
      both,
    ], [2, fragment, both]),
  ];
}
