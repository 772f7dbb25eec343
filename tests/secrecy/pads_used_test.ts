/** Each pad is used once, is as long as the message, and is sent on one channel in one direction; so is each key of short shares. */
import { assert, assertEquals } from "@std/assert";
import { aesPads } from "../../src/sharing/aes_pads.ts";
import { CIPHER_KEY_LENGTH } from "../../src/sharing/stream_cipher.ts";
import { type PadSource, systemPads } from "../../src/sharing/system_pads.ts";
import { readAll, sendAll } from "../support/handlers/pair.ts";
import { concat } from "../../src/wire/concat.ts";
import { finishPair, startSession } from "../support/handlers/session_pair.ts";
import { type Watched, watchedPair } from "./watched.ts";

/** Length in bytes of what is drawn for a key: its end is not used, and shows that the key was drawn whole. */
const KEY_DRAWN = CIPHER_KEY_LENGTH + 16;

/** A source that records every pad. */
function recording(pads: PadSource): { readonly source: PadSource; readonly given: Uint8Array[] } {
  const given: Uint8Array[] = [];
  const source: PadSource = (into) => {
    pads(into);
    given.push(into.slice());
  };
  return { source, given };
}

/** Runs two consecutive sessions in which both sides send zeros. */
async function talk(pair: Watched): Promise<void> {
  for (let i = 0; i < 2; i++) {
    const session = await startSession(pair);
    const said = new Uint8Array(20_000);
    await Promise.all([
      sendAll(session.application, said),
      sendAll(session.target, said),
      readAll(session.target),
      readAll(session.application),
    ]);
    assertEquals([await session.client, await session.server], [null, null]);
    session.application.close();
    session.target.close();
  }
}

/** Checks that no 8 consecutive bytes occur twice, at any offset. */
function assertUnique(pads: readonly Uint8Array[], least = 100_000): void {
  const windows = new Set<bigint>();
  let count = 0;
  for (const pad of pads) {
    const view = new DataView(pad.buffer, pad.byteOffset, pad.length);
    for (let at = 0; at + 8 <= pad.length; at++, count++) windows.add(view.getBigUint64(at));
  }
  assert(count > least);
  // Of half a million random windows two are the same with a probability of 2^-26.
  assertEquals(windows.size, count, "bytes of a pad came twice");
}

for (const [name, pads] of Object.entries({ "the runtime's": systemPads, "OpenSSL's": aesPads(systemPads) })) {
  const ignore = pads === null;
  Deno.test({
    name: `pads of ${name} are used once, whole, on one channel of one direction of one association` +
      (ignore ? " (ignored: needs OpenSSL)" : ""),
    ignore,
    async fn() {
      const given: Uint8Array[] = [];
      for (const channels of [2, 3, 3]) {
        const up = recording(pads!), down = recording(pads!);
        const pair = await watchedPair(channels, { up: up.source, down: down.source });
        await talk(pair);
        await finishPair(pair);
        for (const [direction, { given: used }] of [["up", up], ["down", down]] as const) {
          const shares = pair.shares(direction);
          // Of each piece the first pads go to the first channels, and the last channel's share is made of them.
          for (let channel = 0; channel < channels - 1; channel++) {
            const carried = concat(used.filter((_, index) => index % (channels - 1) === channel));
            assertEquals(shares[channel]!.length, shares[channels - 1]!.length);
            assert(carried.every((byte, at) => byte === shares[channel]![at]), "a channel carries its pads");
            assertEquals(carried.length, shares[channel]!.length, "and they are as long as the message");
          }
          given.push(...used);
        }
      }
      assertUnique(given);
    },
  });
}

for (const [name, pads] of Object.entries({ "the runtime's": systemPads, "OpenSSL's": aesPads(systemPads) })) {
  const ignore = pads === null;
  Deno.test({
    name: `with short shares, each large record of each direction and association has a key of its own, of ${name}` +
      (ignore ? " (ignored: needs OpenSSL)" : ""),
    ignore,
    async fn() {
      const given: Uint8Array[] = [], keys = new Set<string>(), carried: Uint8Array[] = [];
      let drawn = 0;
      for (const channels of [2, 3, 3]) {
        const up = recording(pads!), down = recording(pads!);
        const pair = await watchedPair(channels, { up: up.source, down: down.source }, true);
        await talk(pair);
        await finishPair(pair);
        for (const [direction, { given: used }] of [["up", up], ["down", down]] as const) {
          const shares = pair.shares(direction),
            isSent = (pad: Uint8Array) => shares.some((share) => includes(share, pad));
          // Pads, which lie one behind the other but for fragments, are on a channel; all else that was drawn is for keys.
          const unsent = used.filter((pad) => !isSent(pad)),
            mine = unsent.map((pad) => pad.subarray(0, CIPHER_KEY_LENGTH));
          assertEquals(new Set(unsent.map(({ length }) => length)), new Set([KEY_DRAWN]));
          // Two sessions sent 20,000 zeros each, in records of 64 KiB at most.
          assert(mine.length >= 2, `${mine.length} keys`);
          for (const key of mine) {
            keys.add(key.toHex());
            assert(!shares.some((share) => includes(share, key.subarray(0, 8))), "no channel carries a key");
          }
          drawn += mine.length;
          // Both shares of zeros are the same where there are two.
          carried.push(...channels === 2 ? shares.slice(0, 1) : shares);
          given.push(...used);
        }
      }
      assertEquals(keys.size, drawn);
      assertUnique(given, 1000);
      // All that was sent was zeros: fragments are key streams, and none comes twice.
      assertUnique(carried);
    },
  });
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  const start = part[0]!;
  for (let at = bytes.indexOf(start); at >= 0; at = bytes.indexOf(start, at + 1)) {
    if (part.every((byte, index) => byte === bytes[at + index])) return true;
  }
  return false;
}
