import { fileLimit } from "../net/linux/descriptors.ts";
import type { Log } from "../log/log.ts";

/** Sessions that a user who configured no maximum can expect. */
const EXPECTED_SESSIONS = 1000;

/**
 * Warns if the limit of open files is too low for the expected sessions.
 *
 * @param possible Sessions that the limit allows.
 * @param configured Configured maximum of sessions.
 */
export function warnOfLowFileLimit(log: Log, possible: number, configured?: number): void {
  if (possible >= (configured ?? EXPECTED_SESSIONS)) return;
  log.warn("few open files", {
    limit: fileLimit() ?? undefined,
    sessions: possible,
    "sessions-configured": configured,
    hint: "raise LimitNOFILE in systemd, or ulimit -n",
  });
}
