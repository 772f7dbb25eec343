/** One column of a listing: what someone saw. */
export interface View {
  /** Who, in a few words. */
  readonly title: string;
  /** What passed there. */
  readonly bytes: Uint8Array;
}

/** Bytes in a line of a view, at most: more are hard to take in. */
const MOST_A_LINE = 8;

/**
 * How many bytes of each view fit beside each other into a line.
 *
 * @param width What the line may take, in characters.
 * @param between The width of what stands between two views.
 */
export function bytesPerLine(width: number, views: number, between: number): number {
  // A byte takes two digits, a space and its character; a view has one space more between digits and characters.
  const room = Math.floor((width - (views - 1) * between) / views);
  return Math.max(1, Math.min(MOST_A_LINE, Math.floor((room - 1) / 4)));
}

/**
 * Lists what several saw at the same places of a stream, side by side: bytes in hexadecimal, and as text.
 *
 * @param perLine How many bytes of each view a line shows.
 * @returns The titles, then a line for each `perLine` bytes of the shortest view.
 */
export function sideBySide(views: readonly View[], perLine: number): string[][] {
  const length = Math.min(...views.map(({ bytes }) => bytes.length));
  const lines = [views.map(({ title }) => title.padEnd(cellWidth(perLine)))];
  for (let at = 0; at < length; at += perLine) {
    lines.push(views.map(({ bytes }) => cell(bytes.subarray(at, Math.min(at + perLine, length)), perLine)));
  }
  return lines;
}

function cellWidth(perLine: number): number {
  return 4 * perLine + 1;
}

function cell(bytes: Uint8Array, perLine: number): string {
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const characters = Array.from(bytes, character).join("");
  return `${digits.padEnd(3 * perLine - 1)}  ${characters.padEnd(perLine)}`;
}

/** A byte as a character where it is one of printable ASCII, else a dot in the middle, which ASCII has not. */
function character(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
}
