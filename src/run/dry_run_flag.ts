import type { Option } from "../config/schema.ts";

/** The flag for it. */
export const DRY_RUN: Option = {
  flag: "dry-run",
  doc: "Do all that comes before listening, say what would be done, and end",
};
