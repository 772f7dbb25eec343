/** Pages for users, README and the guide, with the command lines and files that they show. */
import { FileError } from "../../src/config/file.ts";
import { fenced, read, ROOT, words } from "./markdown.ts";

/** A command line of micss. */
export interface ShownCommand {
  /** The line as shown; one that continues on the next line is joined with it. */
  readonly line: string;
  /** Name of the command. */
  readonly name: string;
  readonly args: string[];
}

/** A page, and what it shows. */
export interface Page {
  readonly path: string;
  readonly text: string;
  readonly commands: readonly ShownCommand[];
  /** Files of the page, by the name in their first line. */
  readonly files: ReadonlyMap<string, string>;
}

/** Paths of README and all pages of the guide. */
export const PAGES: readonly string[] = [
  "README.md",
  ...[...Deno.readDirSync(new URL("docs/guide/", ROOT))].map(({ name }) => `docs/guide/${name}`).toSorted(),
];

/** Reads a page. */
export function page(path: string): Page {
  const text = read(path), blocks = fenced(text);
  const yaml = blocks.filter(({ kind }) => kind === "yaml").map(({ content }) => content);
  const lines = blocks.filter(({ kind }) => kind === "").flatMap(({ content }) =>
    content.replaceAll(/\\\n\s*/g, "").split("\n")
  );
  return {
    path,
    text,
    commands: lines.flatMap(commandOf),
    files: new Map(yaml.flatMap((content) => {
      const name = /^# (\S+\.yaml)\n/.exec(content)?.[1];
      return name === undefined ? [] : [[name, content] as const];
    })),
  };
}

/** Returns a function that reads the page's files, and those in /etc of all pages. */
export function reader({ files }: Page): (path: string) => string {
  return (path) => {
    const content = files.get(path) ?? (path.startsWith("/etc/") ? installed().get(path) : undefined);
    if (content === undefined) throw new FileError("no such file; give one that the page shows");
    return content;
  };
}

/** Files of all pages. */
function installed(): Map<string, string> {
  return new Map(PAGES.flatMap((path) => [...page(path).files]));
}

/** Messages of micss begin with its name, too, and have a colon. */
function commandOf(line: string): ShownCommand[] {
  const [, rest] = /^(?:\$ )?(?:runuser -u micss -- )?micss ((?!.*\w: ).+)$/.exec(line) ?? [];
  if (rest === undefined) return [];
  const [name, ...args] = words(rest);
  return [{ line, name: name!, args }];
}
