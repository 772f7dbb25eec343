/** The pages state layout and numbers of short shares as the code has them. */
import { assert, assertEquals } from "@std/assert";
import { LARGEST_CAPACITY } from "../../src/net/buffer_pool.ts";
import { MAX_BODY, RECORD_HEAD_LENGTH } from "../../src/records/record.ts";
import { CIPHER_KEY_LENGTH, MAX_CIPHERED } from "../../src/sharing/stream_cipher.ts";
import { fragmentLength, LONGEST_WHOLE_BODY, shareLength } from "../../src/short/layout.ts";
import { INTERPOLATION, MAX_CHANNELS, MIN_CHANNELS, SHORT, XOR } from "../../src/wire/associate.ts";
import { FRAME_HEAD_LENGTH } from "../../src/wire/frame.ts";
import { OFFER_LENGTH } from "../../src/wire/rejoin.ts";
import { number, read, section, tablesWith } from "./markdown.ts";

const protocol = read("docs/PROTOCOL.md"), security = read("docs/SECURITY.md");

/** A section of docs/SECURITY.md without its line breaks. */
function flat(heading: string): string {
  return section(security, heading).replace(/\s+(?:> )?/g, " ");
}

/** Asserts that a text has some phrases. */
function assertHas(text: string, ...phrases: string[]): void {
  for (const phrase of phrases) assert(text.includes(phrase), `"${phrase}" is missing`);
}

const counts = Array.from({ length: MAX_CHANNELS + 1 - MIN_CHANNELS }, (_, index) => MIN_CHANNELS + index);

Deno.test("PROTOCOL.md has the number of every scheme", () => {
  const [list] = tablesWith(section(protocol, "### 2.2. Associate"), "offset", "length", "field", "value");
  const scheme = list!.rows.find(([, , field]) => field === "scheme");
  const named = `${XOR} is XOR (3.2), ${INTERPOLATION} is interpolation (3.6), ${SHORT} is short shares (3.9)`;
  assertEquals(scheme, ["1", "1", "scheme", named]);
  assertHas(protocol.replace(/\s+/g, " "), `one without MUST accept schemes ${XOR} and ${SHORT} with k = n, and`);
});

Deno.test("PROTOCOL.md lays short shares out as they are sent, and states how much they take", () => {
  const shares = section(protocol, "## 3. Shares"), longest = LONGEST_WHOLE_BODY.toLocaleString("en");
  assertHas(
    shares.replace(/\s+/g, " "),
    `records (4.1) that are longer than ${longest} bytes. For a large body of L bytes, ${
      (LONGEST_WHOLE_BODY + 1).toLocaleString("en")
    } to ${MAX_BODY.toLocaleString("en")}, let`,
    `K is ${CIPHER_KEY_LENGTH} random bytes`,
  );
  const [layout] = tablesWith(shares, "short share: offset", "length", "field", "value");
  const rows = layout!.rows.map(([offset, length, field]) => [offset, length, field]);
  assertEquals(rows, [["0", `${CIPHER_KEY_LENGTH}`, "key share"], [`${CIPHER_KEY_LENGTH}`, "F", "fragment"]]);
  const [sizes] = tablesWith(shares, "body, bytes", "bytes of each channel", "in all, for n = 3");
  const [whole, large, ...further] = sizes!.rows;
  assertEquals([whole![0], whole![1]], [`1 to ${longest}`, `${RECORD_HEAD_LENGTH} + L`]);
  assertEquals(large![0], `${(LONGEST_WHOLE_BODY + 1).toLocaleString("en")} to ${MAX_BODY.toLocaleString("en")}`);
  assertEquals(large![1], `${RECORD_HEAD_LENGTH} + ${CIPHER_KEY_LENGTH} + F, where F = ceil(L / n)`);
  for (const [, , example] of [whole!, large!, ...further]) {
    const [, length, all] = /^L = ([\d,]+): ([\d,]+)$/.exec(example!)!;
    assertEquals(3 * shareLength(number(length!), 3), number(all!), example);
  }
  for (const length of [1, 2, LONGEST_WHOLE_BODY, LONGEST_WHOLE_BODY + 1, 2000, MAX_BODY]) {
    for (const n of counts) {
      const rest = length <= LONGEST_WHOLE_BODY ? length : CIPHER_KEY_LENGTH + Math.ceil(length / n);
      assertEquals(shareLength(length, n), RECORD_HEAD_LENGTH + rest);
    }
  }
});

Deno.test("SECURITY.md states the lengths in the proof of short shares", () => {
  let longest = 0, least = Infinity;
  for (const n of counts) {
    for (let length = LONGEST_WHOLE_BODY + 1; length <= MAX_BODY; length++) {
      const fragment = fragmentLength(length, n), ofLast = length - (n - 1) * fragment;
      longest = Math.max(longest, n * fragment);
      least = Math.min(least, ofLast);
      // Padding is in the last one alone.
      assert(n * fragment - length < n && ofLast <= fragment);
    }
  }
  assert(longest <= MAX_CIPHERED);
  assertHas(
    flat("### Short shares"),
    `${longest.toLocaleString("en")} at most`,
    `bodies of up to ${LONGEST_WHOLE_BODY.toLocaleString("en")} bytes are shared as above`,
    `sees of the n-th the ${CIPHER_KEY_LENGTH} bytes of a key share`,
  );
  assertHas(flat("### With short shares"), `which is ${least} bytes or more (n = 16, L = 1,025;`);
  assertEquals(1025 - 15 * fragmentLength(1025, 16), least);
});

Deno.test("SECURITY.md states the sizes of short shares", () => {
  const sizes = flat("### Sizes of short shares"), overhead = RECORD_HEAD_LENGTH + CIPHER_KEY_LENGTH;
  const data = LONGEST_WHOLE_BODY - FRAME_HEAD_LENGTH + 1, offer = FRAME_HEAD_LENGTH + OFFER_LENGTH;
  assertHas(
    sizes,
    `${RECORD_HEAD_LENGTH} + L bytes of each channel up to L = ${
      LONGEST_WHOLE_BODY.toLocaleString("en")
    }, and ${overhead} +`,
    `from L = ${data.toLocaleString("en")} on, shows as ${overhead} + ceil((L + ${FRAME_HEAD_LENGTH}) / n)`,
    `those of n channels, in records of their own, show as ${RECORD_HEAD_LENGTH} ceil(n / 3) + ${offer} n.`,
    `a body of 1,025 bytes shows as one of 374 does, as ${shareLength(1025, 3)} bytes`,
  );
  assertEquals(Math.floor(LONGEST_WHOLE_BODY / offer), 3);
  assertEquals(shareLength(374, 3), shareLength(1025, 3));
});

Deno.test("the short shares of a full chunk fit one buffer, as ARCHITECTURE.md says", () => {
  const records = 8, slack = (LARGEST_CAPACITY - records * MAX_BODY - 48) / records;
  assertHas(read("docs/ARCHITECTURE.md").replace(/\s+/g, " "), `they have another ${slack.toLocaleString("en")} bytes`);
  for (const n of counts) {
    const each = Math.ceil(records * shareLength(MAX_BODY, n) / 8) * 8;
    assert(n * each <= LARGEST_CAPACITY, `${n} channels`);
  }
});
