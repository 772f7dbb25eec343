/** Maximum width of prose in columns, for readability. */
const WIDEST = 96;

/**
 * Wraps a paragraph between words.
 *
 * @param width Width of the screen in columns; the last one stays empty.
 * @param indent Number of spaces before each line.
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
