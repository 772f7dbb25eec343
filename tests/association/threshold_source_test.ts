/** Any k of n channels give verified records: which sets are tried, and which channels are named as liars. */
import { assertEquals } from "@std/assert";
import { ChannelReader } from "../../src/association/channel_reader.ts";
import { ThresholdSource } from "../../src/association/threshold_source.ts";
import type { Connection } from "../../src/net/connection.ts";
import { RecordEncoder } from "../../src/records/record_encoder.ts";
import { KEY_LENGTH, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { thresholdScheme } from "../../src/sharing/threshold.ts";
import { concat } from "../../src/wire/concat.ts";
import { taken } from "../support/network/chunks.ts";
import { Random } from "../support/random/random.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

/** Bytes of a body. */
const BODY = 100;

/** A channel that brings its bytes at once, and nothing behind them. */
function bringing(bytes: Uint8Array): ChannelReader {
  let at = 0;
  const read = (into: Uint8Array): Promise<number> => {
    const part = bytes.subarray(at, at + into.length);
    if (part.length === 0) return new Promise(() => {});
    into.set(part);
    at += part.length;
    return Promise.resolve(part.length);
  };
  return new ChannelReader({ read } as Connection);
}

/** A direction of KEY and a number of records, with all of its bodies. */
function direction(records: number): { message: Uint8Array; bodies: Uint8Array[] } {
  const random = new Random(5), encoder = new RecordEncoder(random.fill);
  const pieces: Uint8Array[] = [encoder.key()], bodies: Uint8Array[] = [];
  for (let index = 0; index < records; index++) {
    const body = random.bytes(BODY), record = new Uint8Array(RECORD_HEAD_LENGTH + BODY);
    record.set(body, RECORD_HEAD_LENGTH);
    encoder.seal(record);
    pieces.push(record);
    bodies.push(body);
  }
  return { message: concat(pieces), bodies };
}

/** The outcome of a direction whose shares liars change. */
interface Outcome {
  /** True if all bodies are those that were sent. */
  readonly whole: boolean;
  /** Indexes of the channels named, at each report. */
  readonly named: readonly (readonly number[])[];
}

/** Sends records over n channels of which k suffice. @param lie Changes the shares, by their index. */
async function send(
  [k, n]: readonly [number, number],
  records: number,
  lie: (shares: readonly Uint8Array[]) => void,
): Promise<Outcome> {
  const { message, bodies } = direction(records), scheme = thresholdScheme(k);
  const shares = Array.from({ length: n }, () => new Uint8Array(message.length));
  scheme.split(message, shares, new Random(6).fill);
  lie(shares);
  const named: (readonly number[])[] = [];
  const events = {
    failed: (_index: number, cause: unknown) => new Error("failed", { cause }),
    ended: () => Promise.resolve(false),
    joined: () => {},
    lied: (indexes: readonly number[]) => void named.push(indexes),
    isAway: () => false,
  };
  const source = new ThresholdSource(shares.map(bringing), scheme, events, new FakeClock());
  const reader = source.readable.getReader(), got: Uint8Array[] = [];
  while (got.length < bodies.length) {
    const { value } = await reader.read();
    got.push(...value!.map(taken));
  }
  return { whole: concat(got).toHex() === concat(bodies).toHex(), named };
}

/** Changes every byte of some shares by the same amount. */
function flip(shares: readonly Uint8Array[], ...indexes: readonly number[]): void {
  for (const index of indexes) shares[index]!.forEach((byte, at, share) => share[at] = byte ^ 0x21);
}

Deno.test("a channel that lies from the first byte on is named, whichever it is, and no body is wrong", async () => {
  for (const [k, n] of [[2, 3], [3, 5], [2, 5]] as const) {
    for (let liar = 0; liar < n; liar++) {
      const { whole, named } = await send([k, n], 40, (shares) => flip(shares, liar));
      assertEquals([whole, new Set(named.flat())], [true, new Set([liar])], `${k} of ${n}, liar ${liar}`);
    }
  }
});

Deno.test("(3, 4): a liar is worked around, and two that agree have no honest channel named", async () => {
  for (let liar = 0; liar < 4; liar++) {
    assertEquals(await send([3, 4], 40, (shares) => flip(shares, liar)), { whole: true, named: [] });
  }
  // The set of the first three gives the right message, and the fourth channel does not fit it.
  assertEquals(await send([3, 4], 40, (shares) => flip(shares, 0, 1)), { whole: true, named: [] });
});

Deno.test("(3, 5): two liars whose changes cancel in the message have no honest channel named", async () => {
  // The factors of the channels 1, 2 and 3 are all 1 (1 + 2 + 3 = 0): the same change on two of them changes no message.
  for (const liars of [[0, 1], [0, 2], [1, 2]]) {
    const { whole, named } = await send([3, 5], 40, (shares) => flip(shares, ...liars));
    assertEquals([whole, named], [true, []], `liars ${liars.join()}`);
  }
});

Deno.test("(3, 5): two liars whose changes do not cancel are worked around", async () => {
  for (const liars of [[0, 3], [1, 4], [3, 4]]) {
    const { whole, named } = await send([3, 5], 40, (shares) => flip(shares, ...liars));
    assertEquals(whole, true);
    assertEquals(named.flat().filter((index) => !liars.includes(index)), []);
  }
});

Deno.test("bad shares on a channel that is not used are found in every 32nd part", async () => {
  // The first two channels suffice and are used. KEY is a part, and each record two: the 32nd is the 16th record's head.
  const head = KEY_LENGTH + 15 * (RECORD_HEAD_LENGTH + BODY), body = head + RECORD_HEAD_LENGTH;
  const parts = [[0, head, []], [head, body, [[2]]], [body, Infinity, []]] as const;
  for (const [from, to, found] of parts) {
    const { whole, named } = await send([2, 3], 20, ([, , unused]) => {
      unused!.forEach((byte, at, share) => share[at] = at >= from && at < to ? byte ^ 1 : byte);
    });
    assertEquals([whole, named], [true, found], `bytes ${from} to ${to}`);
  }
});
