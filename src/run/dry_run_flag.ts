import type { Option } from "../config/schema.ts";

/** The `--dry-run` flag of both handlers. */
export const DRY_RUN: Option = {
  flag: "dry-run",
  doc: "Print what the handler would do, after all checks, and exit without listening",
};
