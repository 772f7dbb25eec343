/** Parses the documentation, for tests that compare it with the code. */

/** The project's directory. */
export const ROOT = new URL("../../", import.meta.url);

/** A file of the project as text. */
export function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

/** A constant that the code does not export: a number, or a product of numbers. */
export function constant(path: string, name: string): number {
  const [, value] = new RegExp(`^const ${name} = ([\\d_ *]+);`, "m").exec(read(path))!;
  return value!.replaceAll("_", "").split("*").map(Number).reduce((product, factor) => product * factor);
}

/** A table: its header and its rows, each a list of cells without the spaces around them. */
export interface Table {
  /** The cells of its first line. */
  readonly header: readonly string[];
  /** Those of the lines below the rule. */
  readonly rows: readonly (readonly string[])[];
}

/** The tables of a text, in order. */
export function tables(text: string): Table[] {
  return [...text.matchAll(/(?:^\|.*\|\n)+/gm)].map(([block]) => {
    const [header = [], , ...rows] = block.trimEnd().split("\n").map((line) =>
      line.slice(1, -1).split("|").map((cell) => cell.trim())
    );
    return { header, rows };
  });
}

/** The tables with this header. @throws {Error} If there are none. */
export function tablesWith(text: string, ...header: string[]): Table[] {
  const found = tables(text).filter((table) => table.header.join() === header.join());
  if (found.length === 0) throw new Error(`No table with the columns ${header.join(", ")}`);
  return found;
}

/** The text of a section, from its heading to the next one of its rank or a higher one. */
export function section(text: string, heading: string): string {
  const lines = text.split("\n");
  const from = lines.indexOf(heading);
  if (from < 0) throw new Error(`No heading "${heading}"`);
  const rank = heading.indexOf(" ");
  const to = lines.findIndex((line, at) => at > from && /^#+ /.test(line) && line.indexOf(" ") <= rank);
  return lines.slice(from, to < 0 ? undefined : to).join("\n");
}

/** The fenced blocks of a text, with their kinds. */
export function fenced(text: string): { kind: string; content: string }[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, kind = "", content = ""]) => ({ kind, content }));
}

/** A number as documentation writes it: 524,288. */
export function number(text: string): number {
  if (!/^\d{1,3}(?:,\d{3})*$|^\d+$/.test(text)) throw new Error(`not a number: "${text}"`);
  return Number(text.replaceAll(",", ""));
}

/** Splits a line into a shell's words, with quotes as the only syntax. */
export function words(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word.replace(/['"]/g, ""));
}
