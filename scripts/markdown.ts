/**
 * Formats Markdown the way `deno fmt` does.
 *
 * @module
 */

/** Line width, as in deno.json. */
const WIDTH = 120;

/** Formats text as inline code, in double backquotes if it contains one. */
export function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/**
 * Breaks a paragraph into lines, but not within inline code.
 *
 * @param head Start of the first line; the others are indented by its length.
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
