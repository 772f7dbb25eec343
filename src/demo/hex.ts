/** One column of a listing. */
export interface View {
  /** Title of the column. */
  readonly title: string;
  /** Bytes seen there. */
  readonly bytes: Uint8Array;
}

/** Maximum number of bytes per line of a view, for readability. */
const MAX_A_LINE = 8;

/**
 * Number of bytes of each view that fit on a line, side by side.
 *
 * @param width Width of the line in characters.
 * @param between Width of the separator of two views.
 */
export function bytesPerLine(width: number, views: number, between: number): number {
  // A byte takes two digits, a space and its character; each view has one more space between digits and characters.
  const room = Math.floor((width - (views - 1) * between) / views);
  return Math.max(1, Math.min(MAX_A_LINE, Math.floor((room - 1) / 4)));
}

/**
 * Lists several views of the same part of a stream side by side, in hexadecimal and as text.
 *
 * @param perLine Number of bytes of each view per line.
 * @returns The titles, then a line per `perLine` bytes of the shortest view.
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

/** A byte as its printable ASCII character, else as a middle dot, which is not in ASCII. */
function character(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
}
