import { fileLimit } from "../net/linux/descriptors.ts";
import type { Log } from "../log/log.ts";

/** Numbers that a handler's limits concern. */
interface Numbers {
  /** Concurrent sessions. */
  readonly sessions?: number;
  /** Associations of a server handler. */
  readonly associations?: number;
}

/** Sessions that a user who configured no maximum can expect. */
const EXPECTED: Numbers = { sessions: 1000 };

/**
 * Warns if the limit of open files is too low for the expected sessions or associations.
 *
 * @param possible Numbers that the limit allows.
 * @param configured Configured maximum numbers.
 */
export function warnOfLowFileLimit(log: Log, possible: Numbers, configured: Numbers): void {
  for (const what of ["sessions", "associations"] as const) {
    const count = possible[what], expected = configured[what] ?? EXPECTED[what];
    if (count === undefined || expected === undefined || count >= expected) continue;
    log.warn("few open files", {
      limit: fileLimit() ?? undefined,
      [what]: count,
      [`${what}-configured`]: configured[what],
      hint: "raise LimitNOFILE in systemd, or ulimit -n",
    });
  }
}
