import type { CommandSpec, FlagSpec } from "./spec.ts";

/** The completion script for bash. Names and words contain no special characters, so none are quoted. */
export function bashCompletion(commands: readonly CommandSpec[]): string {
  return `\
# bash completion for micss: source <(micss completions bash)
_micss() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} flags= words= files=
  COMPREPLY=()
  # bash splits --flag=value into three words.
  if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(" ")}' -- "$cur"))
    return
  fi
  case $command in
${commands.map(commandCase).join("")}  esac
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

function commandCase({ name, flags, words, files }: CommandSpec): string {
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

function valueCase({ name, words, file }: FlagSpec): string {
  const what = words.length > 0 ? `_micss_words '${words.join(" ")}'; ` : file ? "_micss_files; " : "";
  return `        --${name}) ${what}return ;;`;
}
