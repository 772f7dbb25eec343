/**
 * Writes Markdown as `deno fmt` leaves it.
 *
 * @module
 */

/** The columns of a line, as in deno.json. */
const WIDTH = 120;

/** Text as code: between as many backquotes as it takes. */
export function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/**
 * Breaks a paragraph into lines; code stays in one piece.
 *
 * @param head What the first line begins with; the others are indented as far.
 */
export function wrap(text: string, head = ""): string {
  const lines: string[] = [];
  let line = head;
  for (const word of text.match(/(?:`[^`]*`|[^\s`])+/g) ?? []) {
    const longer = line.length === head.length ? line + word : `${line} ${word}`;
    if (longer.length <= WIDTH || line.length === head.length) line = longer;
    else {
      lines.push(line);
      line = " ".repeat(head.length) + word;
    }
  }
  return [...lines, line].join("\n");
}
