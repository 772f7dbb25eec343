/** Returns the line, counted from 1, at which the value at a path of keys and indices begins. */
export type Locate = (path: readonly string[]) => number;

/** A block map or sequence that contains the scanned line. */
interface Block {
  /** Column of its keys or dashes. */
  readonly column: number;
  readonly sequence: boolean;
  /** Path of its latest entry. */
  path: readonly string[];
}

/**
 * Finds the lines of the values of a YAML text, which the parser does not report.
 *
 * Follows block style by indentation. A value inside a flow collection (`[a, b]`, `{a: b}`), or a path that does not
 * exist, gets the line of its nearest known parent; the empty path gets line 1.
 *
 * @param text YAML that the parser accepted; for other text the result is a guess.
 */
export function locator(text: string): Locate {
  const lines = new Map<string, number>();
  const scan = new Scan((path, line) => lines.set(JSON.stringify(path), line));
  text.split(/\r\n|\n|\r/).forEach((line, index) => scan.line(line, index + 1));
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const line = lines.get(JSON.stringify(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  };
}

class Scan {
  readonly #found: (path: readonly string[], line: number) => void;
  #blocks: Block[] = [];
  /** Column of the entry whose value is a block scalar (`|`, `>`): deeper lines are its text. */
  #blockScalar: number | undefined;
  /** Closing brackets and quotes that earlier lines still need, innermost last. */
  #open: readonly string[] = [];

  constructor(found: (path: readonly string[], line: number) => void) {
    this.#found = found;
  }

  line(line: string, number: number): void {
    if (this.#open.length > 0) {
      this.#open = unclosed(line, this.#open);
      return;
    }
    const column = line.search(/[^ ]/);
    if (column < 0 || line[column] === "#" || line[column] === "\t") return;
    if (this.#blockScalar !== undefined && column > this.#blockScalar) return;
    this.#blockScalar = undefined;
    if (/^(?:---|\.\.\.)(?:\s|$)|^%/.test(line)) return;
    this.#entry(line.slice(column), column, number);
  }

  /** Records an entry, and those nested in it on the same line: `- a: b`. */
  #entry(content: string, column: number, line: number): void {
    const dash = /^-(?:\s+|$)/.exec(content);
    const key = dash === null ? readKey(content) : undefined;
    if (dash === null && key === undefined) {
      this.#open = unclosed(content, []);
      return;
    }
    const block = this.#enter(column, dash !== null);
    const parent = block.path.slice(0, -1);
    block.path = [...parent, key?.name ?? String(Number(block.path.at(-1)) + 1)];
    this.#found(block.path, line);
    const rest = dash === null ? key!.rest : content.slice(dash[0].length);
    const value = rest.replace(/^(?:[&!]\S*\s+)+/, "");
    if (/^[|>][-+0-9]*\s*(?:#|$)/.test(value)) this.#blockScalar = column;
    else if (dash !== null) this.#entry(value, column + content.length - value.length, line);
    else this.#open = unclosed(value, []);
  }

  /** Closes the blocks that ended, and returns the one at `column`, opening it if necessary. */
  #enter(column: number, sequence: boolean): Block {
    let top = this.#blocks.at(-1);
    // A sequence may stand in its key's own column; the next key there ends it.
    while (top !== undefined && (top.column > column || top.column === column && top.sequence && !sequence)) {
      this.#blocks.pop();
      top = this.#blocks.at(-1);
    }
    if (top?.column === column && top.sequence === sequence) return top;
    const block = { column, sequence, path: [...top?.path ?? [], sequence ? "-1" : ""] };
    this.#blocks.push(block);
    return block;
  }
}

/** Splits a line into its key and the text after the colon. */
function readKey(content: string): { name: string; rest: string } | undefined {
  const quoted = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)')\s*:(?:\s+|$)/.exec(content);
  if (quoted !== null) {
    const [whole, double, single] = quoted;
    return { name: single?.replaceAll("''", "'") ?? unescape(double ?? ""), rest: content.slice(whole.length) };
  }
  // Two simple expressions: a single one with two open ends would be quadratic in a long line of spaces.
  const colon = content.search(/:(?:\s|$)/);
  const name = content.slice(0, Math.max(colon, 0)).trimEnd();
  if (/^(?:["'[\]{}#&*!|>%@`,]|$)|\s#/.test(name)) return undefined;
  return { name, rest: content.slice(colon + 1).trimStart() };
}

function unescape(text: string): string {
  try {
    return JSON.parse(`"${text}"`);
  } catch {
    return text;
  }
}

/** Returns the closing brackets and quotes missing after `text`, innermost last, given those missing before it. */
function unclosed(text: string, open: readonly string[]): string[] {
  const stack = [...open];
  let plain = stack.length > 0 ? false : !/^["'[{]/.test(text);
  for (let i = 0; i < text.length && !plain; i++) {
    const character = text[i]!;
    const closing = stack.at(-1);
    if (closing === '"' || closing === "'") {
      if (character === "\\" && closing === '"') i++;
      else if (character === closing) stack.pop();
    } else if (character === "#" && /^\s?$/.test(text[i - 1] ?? "")) break;
    else if (character === closing) stack.pop();
    else if (character === "[") stack.push("]");
    else if (character === "{") stack.push("}");
    else if ((character === '"' || character === "'") && /^[\s,[{:]?$/.test(text[i - 1] ?? "")) stack.push(character);
    plain = stack.length === 0;
  }
  return stack;
}
