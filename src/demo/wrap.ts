/** Prose is not set wider than this many columns: long lines are hard to follow. */
const WIDEST = 96;

/**
 * Breaks a paragraph into lines between its words.
 *
 * @param width Of the screen, in columns; the last one stays empty.
 * @param indent How many spaces each line begins with.
 */
export function wrap(text: string, width: number, indent: number): string[] {
  const room = Math.min(width, WIDEST) - 1 - indent;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].map((line) => " ".repeat(indent) + line);
}
