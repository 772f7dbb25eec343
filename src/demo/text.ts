const encoder = new TextEncoder();

/** Page of the demo's web server, in lines of at most 72 characters. */
export const PAGE = `\
Hello! You are reading a page that came to you in three pieces.

The server split every byte of it into three shares. Two of them are
fresh random bytes, used once. The third is the page XORed with both.
So each share alone is noise, and so are any two of them together: they
would look the same whatever this page said. All three give it back.

Each share took its own path to you, with a wiretap on every path. Here,
the paths are three addresses of one machine; in practice, they are
different networks in different hands. An attacker who listens on all of
them but one can't read this.

No cipher is involved that a faster computer could break. As long as the
random bytes are random, two shares contain nothing to find. An attacker
who changes them changes nothing of this page: it doesn't arrive at all.
`;

/** {@linkcode PAGE} as sent. */
export const PAGE_BYTES: Uint8Array = encoder.encode(PAGE);

/** Line that the demo's longer texts repeat: the more repetitive a text, the easier it is to find. */
export const LINE = "I will not read other people's letters.\n";

/** {@linkcode LINE} as sent; 40 bytes. */
export const LINE_BYTES: Uint8Array = encoder.encode(LINE);

/** Repetitions of {@linkcode LINE} in the measured text. */
export const REPETITIONS = 25_000;

/** Length of the measured text: a million bytes. */
export const LETTER_LENGTH: number = REPETITIONS * LINE_BYTES.length;

/** `length` bytes of {@linkcode LINE}, repeated. */
export function repeated(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(LINE_BYTES.subarray(0, length));
  for (let done = LINE_BYTES.length; done < length; done *= 2) bytes.copyWithin(done, 0, done);
  return bytes;
}
