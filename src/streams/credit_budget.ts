import { ByteBudget } from "../net/byte_budget.ts";

/** Bytes of {@linkcode CreditBudget} by default. */
const BUDGET = 64 * 1024 * 1024;

/**
 * Bytes by which the credit of a handler's streams may exceed what each begins with. They bound the memory of applications that
 * do not read: 64 KiB for each stream, and the budget for all.
 */
export class CreditBudget extends ByteBudget {
  /** Creates a budget. @param bytes All of it. Default: 64 MiB. */
  constructor(bytes = BUDGET) {
    super(bytes);
  }
}
