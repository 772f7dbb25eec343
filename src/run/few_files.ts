import { fileLimit } from "../net/linux/descriptors.ts";
import type { Log } from "../log/log.ts";

/** Fewer sessions than this surprise whoever did not choose their number. */
const FEW = 1000;

/**
 * Warns where the system lets the process have so few files open that sessions will run out of them.
 *
 * @param possible How many sessions the files are enough for.
 * @param wanted How many are configured, if that is.
 */
export function warnOfFewFiles(log: Log, possible: number, wanted?: number): void {
  if (possible >= (wanted ?? FEW)) return;
  log.warn("few open files", {
    limit: fileLimit() ?? undefined,
    sessions: possible,
    "sessions-configured": wanted,
    hint: "raise it: LimitNOFILE of systemd, ulimit -n",
  });
}
