const encoder = new TextEncoder();

/** The page that the demo's web server serves; no line is longer than 72 characters. */
export const PAGE = `\
Hello! You are reading a page that came to you in three pieces.

The server split every byte of it into three shares. Two of them are
fresh random bytes, used once. The third is the page XORed with both.
So each share alone is noise, and so are any two of them together: they
would look the same whatever this page said. All three give it back.

Each share took a road of its own to you, and on each road somebody
listens. Here, the roads are three addresses of one machine; out in the
world, they are different networks in different hands. Whoever listens
on all of them but one can't read this.

No cipher stands between, for a faster computer to break. While the
random bytes are random, two shares hold nothing that could be found.
But one who meddles can change this page unseen: keep TLS above.
`;

/** {@linkcode PAGE} as it is sent. */
export const PAGE_BYTES: Uint8Array = encoder.encode(PAGE);

/** The line that the demo's longer texts repeat: the more alike a text is to itself, the easier it is found. */
export const LINE = "I will not read other people's letters.\n";

/** {@linkcode LINE} as it is sent; 40 bytes. */
export const LINE_BYTES: Uint8Array = encoder.encode(LINE);

/** How often the text that is measured says {@linkcode LINE}. */
export const REPETITIONS = 25_000;

/** The length of the text that is measured: a million bytes. */
export const LETTER_LENGTH: number = REPETITIONS * LINE_BYTES.length;

/** `length` bytes of {@linkcode LINE}, over and over. */
export function repeated(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(LINE_BYTES.subarray(0, length));
  for (let done = LINE_BYTES.length; done < length; done *= 2) bytes.copyWithin(done, 0, done);
  return bytes;
}
