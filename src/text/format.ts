/** Formats a whole number with thousands separators: "1,048,576". */
export function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Formats a number of bytes: "873 B", "12.4 kB", "300.1 MB"; a kB is 1,000 bytes. */
export function bytes(value: number): string {
  if (value < 1_000) return `${Math.round(value)} B`;
  if (value < 999_950) return `${(value / 1_000).toFixed(1)} kB`;
  return `${(value / 1_000_000).toFixed(1)} MB`;
}

/** Formats milliseconds as seconds: "2.9 s". */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** Formats a time limit in milliseconds as seconds, to the hundredth: "5 s", "0.33 s". */
export function limitInSeconds(ms: number): string {
  return `${Math.round(ms / 10) / 100} s`;
}

/** Alignment of a column. */
export type Align = "left" | "right";

/**
 * Lays out rows in columns, each as wide as its widest cell.
 *
 * @param align Alignment of each column.
 * @param gap Text between two columns.
 * @returns A line per row, without trailing spaces.
 */
export function columns(rows: readonly (readonly string[])[], align: readonly Align[], gap = "   "): string[] {
  const widths = align.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, column) => align[column] === "left" ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))
      .join(gap).trimEnd()
  );
}
