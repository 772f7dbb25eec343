import { MARK_PROTOCOL } from "../rules/mark.ts";
import type { Side } from "../rules/ruleset.ts";

/**
 * The marks of rules and routes of ours, by which they are told from all others: their protocol, and a priority and tables
 * that no other program uses by itself.
 */
export const PROTOCOL = MARK_PROTOCOL;

/** Priority of each side's rules: after the kernel's rule for local addresses (0), before its table `main` (32766). */
export const PRIORITY: Readonly<Record<Side, number>> = { client: 6522, server: 6523 };

/** Number before each side's first table. */
const TABLES: Readonly<Record<Side, number>> = { client: 6_522_000, server: 6_523_000 };

/** Maximum number of tables of a side. */
export const MAX_TABLES = 999;

/** Metric of the route that ends a table: greater than that of any other. */
export const FALLBACK_METRIC = 4_000_000_000;

/** A table of a side. @param number From 1 to {@linkcode MAX_TABLES}. */
export function tableOf(side: Side, number: number): number {
  return TABLES[side] + number;
}

/** Reports whether a table is one of a side's. */
export function isTableOf(side: Side, table: number): boolean {
  return table > TABLES[side] && table <= TABLES[side] + MAX_TABLES;
}
