/** Exit statuses and their meanings, for the help and the manual page. */
export const EXIT_STATUSES: readonly [string, string][] = [
  ["0", "Success; for a handler told to stop, all sessions finished"],
  ["1", "Failure at run time; for a handler told to stop, some sessions were reset"],
  ["2", "Invalid arguments, configuration file, or file that it names"],
  ["130, 143", "SIGINT or SIGTERM ended a command other than a handler before it was done"],
];
