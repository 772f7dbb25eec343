/** Attacks on short shares: those that are tried on others, and those on shares of keys and on fragments. */
import { HASH_AT, RECORD_HEAD_LENGTH, TAG_AT } from "../../src/records/record.ts";
import { CIPHER_KEY_LENGTH } from "../../src/sharing/stream_cipher.ts";
import { FRAME_HEAD_LENGTH, FrameType } from "../../src/wire/frame.ts";
import { concat } from "../../src/wire/concat.ts";
import type { Attack } from "./attack.ts";
import { AGAIN, attack, HOWS } from "./attacks_again.ts";
import { fieldAttacks } from "./attacks_fields.ts";
import { HANDSHAKE_ATTACKS } from "./attacks_handshake.ts";
import { flip, type Flips, number } from "./attacks_known.ts";
import { REMAKES } from "./attacks_remake.ts";
import { TWO } from "./attacks_two.ts";
import { UNITS } from "./attacks_units.ts";
import { type Field, HEAD } from "./fields.ts";
import type { Lane } from "./lane.ts";
import { LARGE, type RecordStep, SAID_SHORT } from "./steps.ts";

/** Offset of the fragment in a large record's unit. */
const FRAGMENT = RECORD_HEAD_LENGTH + CIPHER_KEY_LENGTH;

/** The fields of a large record on a channel. */
const FIELDS: readonly Field[] = [
  ...HEAD,
  { name: "the key share", at: RECORD_HEAD_LENGTH, length: CIPHER_KEY_LENGTH },
  { name: "the fragment's start", at: FRAGMENT, length: FRAME_HEAD_LENGTH },
  { name: "the fragment", at: FRAGMENT, length: Infinity },
  // On the last channel, what lies behind the body's end, and the body's last bytes.
  { name: "the fragment's last byte", at: -1, length: 1 },
  { name: "the fragment's end", at: -7, length: 7 },
];

/** The length of the body of a large record. */
const BODY: Readonly<Partial<Record<RecordStep, number>>> = {
  "more DATA up": FRAME_HEAD_LENGTH + SAID_SHORT.more,
  "more DATA down": FRAME_HEAD_LENGTH + SAID_SHORT.rest,
};

/** Flips a bit of each of some offsets. */
const bits = (...offsets: number[]): Flips => offsets.map((at) => [at, 1]);

/** Known bytes changed into others. The first channel has the frame's head, each one a part of the text. */
const KNOWN: readonly Attack[] = LARGE.flatMap((step) => {
  const length = BODY[step]!;
  const flips = (name: string, flips: Flips): Attack => flip(name, { [step]: flips });
  return [
    ...[0, 1, 1024, 1025, length - 1, length + 1, 65_536, 65_537, 2 ** 24 - 1].map((other) =>
      flips(`makes ${step} a record of ${other} bytes`, number(0, 3, length, other))
    ),
    ...[FrameType.Open, FrameType.End, FrameType.Reset, FrameType.Ping].map((type) =>
      flips(`makes DATA of ${step} a frame of type ${type}`, [[FRAGMENT, FrameType.Data ^ type]])
    ),
    flips(`moves DATA of ${step} to another stream`, [[FRAGMENT + 4, 1 ^ 2]]),
    flips(`shortens DATA of ${step}`, number(FRAGMENT + 5, 2, length - FRAME_HEAD_LENGTH, 100)),
    flips(`makes the text of ${step} another`, Array.from({ length: 150 }, (_, at) => [FRAGMENT + 50 + at, 0x20])),
    flips(`flips the same bit of key share and fragment of ${step}`, bits(RECORD_HEAD_LENGTH, FRAGMENT)),
    flips(`flips a bit of hash and fragment of ${step}`, bits(HASH_AT, FRAGMENT)),
    flips(`flips a bit of hash, tag and fragment of ${step}`, bits(HASH_AT, TAG_AT, FRAGMENT)),
    flips(`flips a bit of hash, tag and key share of ${step}`, bits(HASH_AT, TAG_AT, RECORD_HEAD_LENGTH)),
    flips(`flips a bit of length and tag of ${step}`, bits(2, TAG_AT + 15)),
    flips(
      `flips all bits of the key share of ${step}`,
      Array.from({ length: 32 }, (_, at) => [RECORD_HEAD_LENGTH + at, 255]),
    ),
  ];
});

/** Replaces the key share, the fragment, or both by those of another record. */
const SPLICES: readonly Attack[] = LARGE.flatMap((step) => {
  const splice = (what: string, from: (lane: Lane, bytes: Uint8Array) => Uint8Array, rest: Partial<Attack>): Attack[] =>
    ([["the key share", RECORD_HEAD_LENGTH, FRAGMENT], ["the fragment", FRAGMENT], [
      "both",
      RECORD_HEAD_LENGTH,
    ]] as const).map(
      ([part, at, end]) => ({
        name: `replaces ${part} of ${step} by ${what}`,
        steps: [step],
        act: ({ lane, bytes }) => {
          const other = from(lane, bytes).slice(at, end ?? bytes.length),
            stop = Math.min(end ?? Infinity, at + other.length);
          return [concat([bytes.subarray(0, at), other, bytes.subarray(stop)])];
        },
        ...rest,
      }),
    );
  return [
    ...splice("those of an old association", (lane) => lane.wire.adversary.old(lane, step), { rehearsed: true }),
    // By then the client's has passed.
    ...step === "more DATA down"
      ? splice("the other direction's", ({ wire }) => wire.up.came.get("more DATA up")!, {})
      : [],
    ...splice("its own in reverse order", (_, bytes) => bytes.toReversed(), {}),
  ];
});

/** Cuts at further places of a large record, behind those at which others are cut. */
const CUTS: readonly Attack[] = HOWS.flatMap((how) =>
  ([["up", 700, 1500], ["down", 1000, 2000]] as const).flatMap(([direction, from, to]) =>
    Array.from({ length: (to - from) / 50 }, (_, index) => {
      const at = from + 50 * index;
      return attack(`cuts by a ${how} after ${at} bytes ${direction}, far behind`, { cut: { direction, at, how } });
    })
  )
);

const withShort = (attacks: readonly Attack[]): Attack[] =>
  attacks.map((attack) => ({ ...attack, name: `${attack.name}, with short shares`, short: true }));

/** Content tampering of every kind, in every part of a large record. */
export const SHORT_CONTENT: readonly Attack[] = withShort([
  ...LARGE.flatMap((step) => FIELDS.flatMap((field) => fieldAttacks(step, field))),
  ...KNOWN,
  ...SPLICES,
]);

/** The attacks on other shares, tried on short ones. */
export const SHORT_TOO: readonly Attack[] = withShort([
  ...UNITS,
  ...TWO,
  ...HANDSHAKE_ATTACKS,
  ...AGAIN,
  ...CUTS,
  ...REMAKES,
]);
