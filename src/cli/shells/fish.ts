import type { CommandSpec, FlagSpec } from "./spec.ts";

/** The completion script for fish. */
export function fishCompletion(commands: readonly CommandSpec[]): string {
  return `\
# fish completion for micss: micss completions fish | source
function __micss_command
  set -l words (commandline -opc)
  test "$words[2]" = $argv[1]
end
function __micss_first
  test (count (commandline -opc)) -eq $argv[1]
end
complete -c micss -f
${commands.map(commandLines).join("")}`;
}

function commandLines({ name, summary, flags, words, files }: CommandSpec): string {
  const begin = `complete -c micss -n '__micss_command ${name}`;
  return [
    `complete -c micss -n '__micss_first 1' -a ${name} -d ${quoted(summary)}`,
    ...words.length === 0 ? [] : [`${begin}; and __micss_first 2' -a '${words.join(" ")}'`],
    ...files ? [`${begin}' -F`] : [],
    ...flags.map((flag) => `${begin}' -l ${flag.name}${value(flag)} -d ${quoted(flag.doc)}`),
    "",
  ].join("\n");
}

function value({ placeholder, words, file }: FlagSpec): string {
  if (placeholder === undefined) return "";
  if (words.length > 0) return ` -x -a '${words.join(" ")}'`;
  return file ? " -r -F" : " -x";
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
