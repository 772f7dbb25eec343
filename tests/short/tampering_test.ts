/**
 * Whatever the owner of all channels but one does to short shares, in heads, keys, fragments or behind a body's end: a receiver
 * gives the bodies that were sent, in their order, up to some record, and never another byte.
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { CIPHER_KEY_LENGTH } from "../../src/sharing/stream_cipher.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { concat } from "../../src/wire/concat.ts";
import { added, flipped, type Received } from "../records/direction.ts";
import { Random } from "../support/random/random.ts";
import { type Part, partsOf, receiveShares, sharesOf, withShare } from "./shared.ts";

const random = new Random(1);

/** A body in front of the one that is attacked, that one, a second large one of its length, and one behind. */
const LARGE = 1027;
const BODIES = [20, LARGE, LARGE, 5].map((length) => random.bytes(length));

/** The number of bodies in front of the large one. */
const BEFORE = 1;

const COUNTS = [2, 3, 4] as const;

/** A direction as n channels carry it. */
class Channels {
  readonly shares: Uint8Array[];
  readonly parts: readonly Part[];

  constructor(readonly count: number, seed = 1) {
    this.shares = sharesOf(BODIES, count, seed);
    this.parts = partsOf(BODIES, count);
  }

  /** The first part of a name in a record. */
  part(name: Part["name"], record = BEFORE): Part {
    return this.parts.find((part) => part.name === name && part.record === record)!;
  }

  /** The part in which a channel has an offset: the padding rather than the fragment that it belongs to. */
  at(channel: number, offset: number): Part {
    return this.parts.findLast(({ at, length, ...part }) =>
      at <= offset && offset < at + length && (part.channel ?? channel) === channel
    )!;
  }

  /** The bytes of a part on a channel. */
  of(channel: number, { at, length }: Part): Uint8Array {
    return this.shares[channel]!.slice(at, at + length);
  }

  /** The shares, with a pattern added on a channel. */
  plus(channel: number, at: number, pattern: Uint8Array, shares: readonly Uint8Array[] = this.shares): Uint8Array[] {
    return withShare(shares, channel, added(shares[channel]!, at, pattern));
  }
}

const ALL = COUNTS.map((count) => new Channels(count));

function assertRefused({ bodies, error }: Received, count: number, what: string): void {
  assertEquals(bodies, BODIES.slice(0, count), what);
  assertInstanceOf(error, WireError, what);
}

function assertUnchanged({ bodies, error }: Received, what: string): void {
  assertEquals([bodies, error], [BODIES, undefined], what);
}

Deno.test("without tampering, all bodies come as they were sent, and each count of channels has padding", () => {
  for (const channels of ALL) {
    assertUnchanged(receiveShares(channels.shares), `${channels.count}`);
    const last = channels.parts.at(-1)!;
    for (const { length } of channels.shares) assertEquals(length, last.at + last.length);
    assert(channels.part("padding").length > 0);
  }
});

for (const channels of ALL) {
  const { count, shares } = channels;

  Deno.test(`a flip in any byte of any of ${count} channels is refused in its record, or lies behind a body's end`, () => {
    for (let channel = 0; channel < count; channel++) {
      for (let at = 0; at < shares[0]!.length; at++) {
        const { name, record } = channels.at(channel, at);
        // The second large record is like the first one.
        if (record > BEFORE && name === "fragment" && at % 8 > 0) continue;
        const what = `${name}, byte ${at} of channel ${channel + 1}`;
        // All bits of what is short, in one record.
        const isShort = record === BEFORE && name !== "fragment";
        const bits = isShort ? [0, 1, 2, 3, 4, 5, 6, 7] : [at % 8];
        for (const bit of bits) {
          const changed = withShare(shares, channel, flipped(shares[channel]!, 8 * at + bit));
          const received = receiveShares(changed, at % 2 === 0 ? [] : [at]);
          if (name === "padding") assertUnchanged(received, what);
          else assertRefused(received, record, what);
        }
      }
    }
  });

  Deno.test(`any pattern behind the end of a body on ${count} channels changes nothing, and does not hide another one`, () => {
    const { at, length } = channels.part("padding"), random = new Random(2), last = count - 1;
    for (let round = 0; round < 100; round++) {
      const padded = channels.plus(last, at, random.bytes(length));
      assertUnchanged(receiveShares(padded, [at - 1 - round]), `round ${round}`);
      const { name, at: start, length: room } = channels.part(random.pick(["head", "key share", "fragment"]));
      const [victim, offset] = [random.below(count), start + random.below(room - (name === "fragment" ? length : 0))];
      assertRefused(
        receiveShares(channels.plus(victim, offset, Uint8Array.of(1), padded)),
        BEFORE,
        `${name} ${offset}`,
      );
    }
  });

  Deno.test(`any pattern in shares of a key on ${count} channels is refused, unless the patterns cancel each other`, () => {
    const { at } = channels.part("key share"), random = new Random(3);
    for (let round = 0; round < 200; round++) {
      const pattern = random.bytes(random.pick([1, 4, CIPHER_KEY_LENGTH])), victim = random.below(count);
      pattern[0]! |= 1;
      const offset = at + random.below(CIPHER_KEY_LENGTH - pattern.length + 1);
      const changed = channels.plus(victim, offset, pattern);
      assertRefused(receiveShares(changed), BEFORE, `round ${round}`);
      const again = channels.plus((victim + 1) % count, offset, pattern, changed);
      assertUnchanged(receiveShares(again), `round ${round}, on two channels`);
    }
  });

  Deno.test(`keys and fragments of ${count} channels that are exchanged, replaced, or of another direction are refused`, () => {
    const other = new Channels(count, 2), random = new Random(4);
    for (let channel = 0; channel < count; channel++) {
      const share = shares[channel]!, next = (channel + 1) % count;
      const put = (
        at: number,
        bytes: Uint8Array,
        into: readonly Uint8Array[] = shares,
        index = channel,
      ): Uint8Array[] => {
        const changed = into[index]!.slice();
        changed.set(bytes, at);
        return withShare(into, index, changed);
      };
      for (const name of ["head", "key share", "fragment"] as const) {
        const part = channels.part(name), later = channels.part(name, BEFORE + 1), what = `${name}, ${channel + 1}`;
        const mine = channels.of(channel, part), of = (from: Channels) => from.of(channel, part);
        const refused = (shares: Uint8Array[], how: string, bodies = BEFORE): void =>
          assertRefused(receiveShares(shares), bodies, `${what}: ${how}`);
        refused(put(part.at, channels.of(channel, later)), "of the next record");
        refused(put(later.at, mine), "of the record before", BEFORE + 1);
        refused(put(later.at, mine, put(part.at, channels.of(channel, later))), "exchanged with the next record");
        refused(put(part.at, of(other)), "of another direction");
        refused(put(part.at, channels.of(next, part)), "of another channel");
        refused(put(part.at, new Uint8Array(part.length)), "zeros");
        refused(put(part.at, random.bytes(part.length)), "noise");
        const swapped = put(part.at, mine, put(part.at, channels.of(next, part)), next);
        // Shares that are added up are in no order.
        if (name === "fragment") refused(swapped, "exchanged with another channel");
        else assertUnchanged(receiveShares(swapped), `${what}: exchanged with another channel`);
      }
      // On every channel but one: the key of the next record, and its body.
      const [key, fragment] = [channels.part("key share"), channels.part("fragment")];
      const [nextKey, nextFragment] = [channels.part("key share", BEFORE + 1), channels.part("fragment", BEFORE + 1)];
      const others = shares.map((one, index) => {
        if (index === channel) return share;
        const changed = one.slice();
        changed.set(channels.of(index, nextKey), key.at);
        changed.set(channels.of(index, nextFragment), fragment.at);
        return changed;
      });
      assertRefused(receiveShares(others), BEFORE, `all but ${channel + 1}`);
    }
  });

  Deno.test(`bytes that any of ${count} channels drops, repeats or adds are refused where they are`, () => {
    const random = new Random(5);
    for (const name of ["head", "key share", "fragment"] as const) {
      const { at, length } = channels.part(name);
      for (let round = 0; round < 100; round++) {
        const offset = at + random.below(length), by = random.between(1, 70), channel = random.below(count);
        const share = shares[channel]!, start = share.subarray(0, offset);
        const changed = [
          concat([start, share.subarray(offset + by)]),
          concat([start, share.subarray(Math.max(0, offset - by), offset), share.subarray(offset)]),
          concat([start, random.bytes(by), share.subarray(offset)]),
        ];
        for (const moved of changed) {
          const { bodies, error } = receiveShares(withShare(shares, channel, moved));
          // Bytes behind the body's end may be all that is changed.
          const most = moved.subarray(at, at + length - 3).every((byte, index) => byte === share[at + index])
            ? BEFORE + 1
            : BEFORE;
          assert(bodies.length <= most, `${name} at ${offset} by ${by}: ${bodies.length}`);
          assertEquals(bodies, BODIES.slice(0, bodies.length));
          if (error !== undefined) assertInstanceOf(error, WireError);
          else assert(bodies.length < BODIES.length);
        }
      }
    }
  });
}

Deno.test("a length that is changed is refused at its head, alone or with all that follows", () => {
  for (const channels of ALL) {
    const { count } = channels, { at } = channels.part("head");
    for (const other of [0, 1, 1024, 1025, LARGE - 1, LARGE + 1, LARGE + count, 65_536, 65_537, 2 ** 24 - 1]) {
      const change = LARGE ^ other, pattern = Uint8Array.of(change >> 16, change >> 8, change);
      for (let channel = 0; channel < count; channel++) {
        const changed = channels.plus(channel, at, pattern), what = `${other} bytes, channel ${channel + 1}`;
        assertRefused(receiveShares(changed), BEFORE, what);
        const heads = changed.map((share) => share.subarray(0, at + RECORD_HEAD_LENGTH));
        assertRefused(receiveShares(heads), BEFORE, `${what}, the head alone`);
      }
    }
  }
});

Deno.test("a direction that is cut off anywhere gives whole records only", () => {
  for (const { count, shares, parts } of ALL) {
    const ends = BODIES.map((_, record) =>
      Math.max(...parts.filter((part) => part.record === record).map((part) => part.at + part.length))
    );
    for (let length = 0; length <= shares[0]!.length; length++) {
      const { bodies, error } = receiveShares(shares.map((share) => share.subarray(0, length)));
      assertEquals(
        [bodies.length, error],
        [ends.filter((end) => end <= length).length, undefined],
        `${count}, ${length}`,
      );
      assertEquals(bodies, BODIES.slice(0, bodies.length));
    }
  }
});
