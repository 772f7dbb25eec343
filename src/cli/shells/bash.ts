import type { Flag, Line } from "./line.ts";

/** What bash reads to complete `micss`. Nothing in it comes from a person: names and words hold no special character. */
export function bashCompletion(lines: readonly Line[]): string {
  return `\
# bash completion for micss: source <(micss completions bash)
_micss() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} flags= words= files=
  COMPREPLY=()
  # bash takes --flag=value for three words.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${lines.map(({ name }) => name).join(" ")}' -- "$cur"))
    return
  fi
  case $command in
${lines.map(commandCase).join("")}  esac
  if [[ $cur == -* ]]; then words=$flags files=; fi
  ((COMP_CWORD == 2)) || [[ $cur == -* ]] || words=
  _micss_words "$words"
  [[ -z $files ]] || _micss_files
}
_micss_words() {
  COMPREPLY=($(compgen -W "$1" -- "$cur"))
}
_micss_files() {
  compopt -o filenames 2>/dev/null
  local IFS=$'\\n'
  COMPREPLY+=($(compgen -f -- "$cur"))
}
complete -F _micss micss
`;
}

function commandCase({ name, flags, words, files }: Line): string {
  const values = flags.filter(({ placeholder }) => placeholder !== undefined).map(valueCase);
  return [
    `    ${name})`,
    ...values.length === 0 ? [] : ["      case $prev in", ...values, "      esac"],
    `      flags='${flags.map(({ name }) => `--${name}`).join(" ")}' words='${words.join(" ")}' files=${
      files ? 1 : ""
    }`,
    "      ;;\n",
  ].join("\n");
}

function valueCase({ name, words, file }: Flag): string {
  const what = words.length > 0 ? `_micss_words '${words.join(" ")}'; ` : file ? "_micss_files; " : "";
  return `        --${name}) ${what}return ;;`;
}
