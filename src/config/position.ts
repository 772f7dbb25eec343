/** Tells the 1-based line on which the value at a path of keys and indices begins. */
export type Locate = (path: readonly string[]) => number;

/** A block map or sequence that the scan is inside of. */
interface Block {
  /** Where its keys or dashes stand. */
  readonly column: number;
  readonly sequence: boolean;
  /** The path of its latest entry. */
  path: readonly string[];
}

/**
 * Finds the lines of a YAML text's values, which the parser does not tell.
 *
 * It follows block style by indentation. A value inside a flow collection (`[a, b]`, `{a: b}`), and any path that is
 * not there, gets the line of the nearest parent that is known; the empty path line 1.
 *
 * @param text YAML that the parser accepted; for other text the lines are guesses.
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
  /** The column of the entry whose value is a block scalar (`|`, `>`): deeper lines are its text. */
  #blockScalar: number | undefined;
  /** What the flow collection or quoted text that began on an earlier line still waits for. */
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

  /** Takes an entry, and the entries that begin on the same line inside it: `- a: b`. */
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

  /** Leaves the blocks that ended and finds, or begins, the one at `column`. */
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

/** The key that a line begins with, and what follows its colon. */
function readKey(content: string): { name: string; rest: string } | undefined {
  const quoted = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)')\s*:(?:\s+|$)/.exec(content);
  if (quoted !== null) {
    const [whole, double, single] = quoted;
    return { name: single?.replaceAll("''", "'") ?? unescape(double ?? ""), rest: content.slice(whole.length) };
  }
  // Two plain expressions, not one with two open ends, which would take forever on a long line of spaces.
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

/** What `text` leaves open: closing brackets and quotes, innermost last, beginning with those `open` before it. */
function unclosed(text: string, open: readonly string[]): string[] {
  const stack = [...open];
  let plain = stack.length > 0 ? false : !/^["'[{]/.test(text);
  for (let i = 0; i < text.length && !plain; i++) {
    const character = text[i]!;
    const awaited = stack.at(-1);
    if (awaited === '"' || awaited === "'") {
      if (character === "\\" && awaited === '"') i++;
      else if (character === awaited) stack.pop();
    } else if (character === "#" && /^\s?$/.test(text[i - 1] ?? "")) break;
    else if (character === awaited) stack.pop();
    else if (character === "[") stack.push("]");
    else if (character === "{") stack.push("}");
    else if ((character === '"' || character === "'") && /^[\s,[{:]?$/.test(text[i - 1] ?? "")) stack.push(character);
    plain = stack.length === 0;
  }
  return stack;
}
