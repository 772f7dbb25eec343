import { nextTick } from "node:process";

/**
 * Calls back at the end of the current turn of the event loop. Deno delivers all results of a turn at once, and takes new ones
 * only when no microtask is left: so what arrived together can be handled together, and first.
 *
 * @param action Called once no microtask is left; must not throw.
 */
export function atEndOfTurn(action: () => void): void {
  nextTick(action);
}
