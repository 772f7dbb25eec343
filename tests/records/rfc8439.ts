/** A published value of Poly1305. */
export interface HashVector {
  /** Its place in RFC 8439. */
  readonly name: string;
  /** r and s, in hexadecimal. */
  readonly key: string;
  readonly message: Uint8Array;
  /** In hexadecimal. */
  readonly hash: string;
}

const IETF = "Any submission to the IETF intended by the Contributor for publication as all or part of an IETF " +
  'Internet-Draft or RFC and any statement made within the context of an IETF activity is considered an "IETF ' +
  'Contribution". Such statements include oral statements in IETF sessions, as well as written and electronic ' +
  "communications made at any time or place, which are addressed to";

const JABBERWOCKY = "'Twas brillig, and the slithy toves\nDid gyre and gimble in the wabe:\n" +
  "All mimsy were the borogoves,\nAnd the mome raths outgrabe.";

const ZEROS = "0".repeat(32), ONES = "f".repeat(32);

const text = (message: string): Uint8Array => new TextEncoder().encode(message);

function vector(name: string, key: string, message: Uint8Array | string, hash: string): HashVector {
  return { name, key, message: typeof message === "string" ? Uint8Array.fromHex(message) : message, hash };
}

/** A little-endian element, in hexadecimal: its first bytes, then zeros. */
function first(hex: string): string {
  return hex.padEnd(32, "0");
}

/** RFC 8439: section 2.5.2, and the vectors of appendix A.3. */
export const VECTORS: readonly HashVector[] = [
  vector(
    "2.5.2",
    "85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b",
    text("Cryptographic Forum Research Group"),
    "a8061dc1305136c6c22b8baf0c0127a9",
  ),
  vector("A.3 #1", ZEROS + ZEROS, ZEROS.repeat(4), ZEROS),
  vector("A.3 #2", ZEROS + "36e5f6b5c5e06070f0efca96227a863e", text(IETF), "36e5f6b5c5e06070f0efca96227a863e"),
  vector("A.3 #3", "36e5f6b5c5e06070f0efca96227a863e" + ZEROS, text(IETF), "f3477e7cd95417af89a6b8794c310cf0"),
  vector(
    "A.3 #4",
    "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
    text(JABBERWOCKY),
    "4541669a7eaaee61e708dc7cbcc5eb62",
  ),
  vector("A.3 #5", first("02") + ZEROS, ONES, first("03")),
  vector("A.3 #6", first("02") + ONES, first("02"), first("03")),
  vector("A.3 #7", first("01") + ZEROS, ONES + "f0" + "f".repeat(30) + first("11"), first("05")),
  vector("A.3 #8", first("01") + ZEROS, ONES + "fb" + "fe".repeat(15) + "01".repeat(16), ZEROS),
  vector("A.3 #9", first("02") + ZEROS, "fd" + "f".repeat(30), "fa" + "f".repeat(30)),
  vector(
    "A.3 #10",
    first("010000000000000004") + ZEROS,
    "e33594d7505e43b900000000000000003394d7505e4379cd01" + "0".repeat(14) + ZEROS + first("01"),
    first("14000000000000005500000000000000"),
  ),
  vector(
    "A.3 #11",
    first("010000000000000004") + ZEROS,
    "e33594d7505e43b900000000000000003394d7505e4379cd01" + "0".repeat(14) + ZEROS,
    first("13"),
  ),
];
