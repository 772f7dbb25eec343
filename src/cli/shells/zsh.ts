import type { CommandSpec, FlagSpec } from "./spec.ts";

/** The completion script for zsh. */
export function zshCompletion(commands: readonly CommandSpec[]): string {
  return `\
#compdef micss
# zsh completion for micss: a file _micss in a directory of $fpath, or: source <(micss completions zsh)
_micss() {
  local -a commands=(
${commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}\n`).join("")}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  # From here the command is the first word.
  shift words
  (( CURRENT-- ))
  case $words[1] in
${commands.map(commandCase).join("")}  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _micss "$@"; else compdef _micss micss; fi
`;
}

function commandCase({ name, flags, words, files }: CommandSpec): string {
  const specs = [
    ...flags.map(flagSpec),
    ...words.length > 0 && files ? [`1: :{ _alternative 'words:word:(${words.join(" ")})' 'files:file:_files' }`] : [],
    ...words.length > 0 && !files ? [`1: :(${words.join(" ")})`] : [],
    ...files ? ["*: :_files"] : [],
  ];
  return `    ${name})\n      _arguments \\\n${
    specs.map((spec) => `        ${quoted(spec)}`).join(" \\\n")
  }\n      ;;\n`;
}

function flagSpec({ name, doc, placeholder, words, file, repeats }: FlagSpec): string {
  const explained = `[${doc.replace(/[[\]\\:]/g, "\\$&")}]`;
  if (placeholder === undefined) return `--${name}${explained}`;
  const what = words.length > 0 ? `(${words.join(" ")})` : file ? "_files" : " ";
  return `${repeats ? "*" : ""}--${name}=${explained}:${placeholder.replace(/[\\:]/g, "\\$&")}:${what}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
