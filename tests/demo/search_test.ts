import { assert, assertEquals, assertRejects } from "@std/assert";
import { searchTaps } from "../../src/demo/search.ts";
import { LETTER_LENGTH, PAGE_BYTES, repeated } from "../../src/demo/text.ts";
import { type PadSource, systemPads } from "../../src/sharing/system_pads.ts";
import { xor } from "../../src/sharing/xor.ts";
import { Random } from "../support/random/random.ts";

/** Searches the recordings of three taps for `message`, split with these pads. */
function search(pads: PadSource, message = repeated(LETTER_LENGTH)) {
  const shares = [0, 1, 2].map(() => new Uint8Array(message.length));
  xor.split(message, shares, pads);
  return searchTaps({ shares, message, answers: [] }, [PAGE_BYTES]);
}

/** Pads from `fill`, except for a few of the first calls. */
function padsFrom(...sources: PadSource[]): PadSource {
  let call = 0;
  return (into) => sources[call++ % sources.length]!(into);
}

const zeros: PadSource = (into) => into.fill(0);

Deno.test("with good pads only all three together reveal the text", async () => {
  const { text, found, fault } = await search(systemPads);
  assertEquals(fault, null);
  assertEquals(found.map(({ name }) => name), [
    "tap 1",
    "tap 2",
    "tap 3",
    "taps 1 and 2",
    "taps 1 and 3",
    "taps 2 and 3",
    "all three",
  ]);
  assertEquals(found.at(-1)!.measures, text.measures);
  assertEquals(text.measures.run, LETTER_LENGTH);
});

Deno.test("a tap that holds the text is a fault", async () => {
  const { fault } = await search(zeros);
  assertEquals(fault, "what tap 1 recorded has only 0.000 bits of entropy a byte: that is not noise");
});

Deno.test("two taps that together reveal the text are a fault", async () => {
  const { fault } = await search(padsFrom(systemPads, zeros));
  assert(fault!.startsWith("what tap 2 recorded"));
  const same = new Uint8Array(LETTER_LENGTH);
  systemPads(same);
  // Equal pads cancel each other out, and leave the text in the third share.
  const { fault: cancelled } = await search((into) => into.set(same));
  assertEquals(cancelled, "what tap 3 recorded holds 1000000 bytes in a row of what was sent: that is not noise");
});

Deno.test("a repeating pad is a fault, although each share looks uniform", async () => {
  const block = new Uint8Array(4_096);
  systemPads(block);
  const repeating: PadSource = (into) => {
    for (let at = 0; at < into.length; at += block.length) into.set(block.subarray(0, into.length - at), at);
  };
  const { fault } = await search(padsFrom(repeating, systemPads));
  assert(fault!.startsWith("what tap 1 recorded"), fault!);
});

Deno.test("a short run of another sent text is a fault", async () => {
  const message = repeated(LETTER_LENGTH);
  // Random bytes beside it would make it longer in one of 128 runs.
  const { fill } = new Random(1);
  const { fault } = await search((into) => {
    fill(into);
    into.set(PAGE_BYTES.subarray(100, 110), 5_000);
  }, message);
  assertEquals(fault, "what tap 1 recorded holds 10 bytes in a row of what was sent: that is not noise");
});

Deno.test("a search can be aborted", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  const shares = [0, 1, 2].map(() => new Uint8Array(8));
  await assertRejects(() => searchTaps({ shares, message: shares[0]!, answers: [] }, [], signal), Error, "enough");
});
