/** What the program's exit statuses mean, for the help and the manual. */
export const EXIT_STATUSES: readonly [string, string][] = [
  ["0", "All is well: the work is done; a handler that was told to end has let every session finish"],
  ["1", "A failure at run time; a handler that was told to end had to reset sessions"],
  ["2", "What the program was told is wrong: its arguments, its file, or a file that this names"],
  ["130, 143", "SIGINT, or SIGTERM, ended a command other than a handler before its work was done"],
];
