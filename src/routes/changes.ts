import { type Network, type PolicyRule, routeWords, ruleWords, type TableRoute } from "./network.ts";
import type { RoutesPlan } from "./plan.ts";

/** Rules and routes of one version of IP. */
export type Contents = Pick<RoutesPlan, "rules" | "routes">;

/**
 * Lists the commands of `ip` that replace installed rules and routes of ours; none if they are as they should be.
 *
 * At no time between two commands does a channel's packet find a way that is not its own: a table ends before a rule
 * leads to it, a wrong route goes before a right one comes, and the old rule of a channel goes after the new one is in
 * place. A table that served another way gets its routes after the rules have changed.
 */
export function changesTo(plan: Contents, installed: Pick<Network, "rules" | "routes">): string[] {
  const rules = differenceOf(installed.rules, plan.rules, ruleWords);
  const routes = differenceOf(installed.routes, plan.routes, routeWords);
  const tables = new Set(plan.routes.map(({ table }) => table));
  const served = new Set(rules.removed.map(({ table }) => table));
  const isLate = ({ table }: TableRoute) => served.has(table);
  const add = (route: TableRoute) => `route add ${routeWords(route)}`;
  const drop = (route: TableRoute) => `route del ${routeWords(route)}`;
  const [ends, leads] = [routes.added.filter(isEnd), routes.added.filter((route) => !isEnd(route))];
  const [wrong, unused] = [
    routes.removed.filter(({ table }) => tables.has(table)),
    routes.removed.filter(({ table }) => !tables.has(table)),
  ];
  return [
    ...ends.map(add),
    ...wrong.map(drop),
    ...leads.filter((route) => !isLate(route)).map(add),
    ...rules.added.map((rule) => `rule add ${ruleWords(rule)}`),
    ...rules.removed.map((rule) => `rule del ${ruleWords(rule)}`),
    ...leads.filter(isLate).map(add),
    ...unused.map(drop),
  ];
}

function isEnd(route: TableRoute): boolean {
  return !("device" in route);
}

function differenceOf<T extends PolicyRule | TableRoute>(
  before: readonly T[],
  after: readonly T[],
  wordsOf: (one: T) => string,
): { added: T[]; removed: T[] } {
  const [old, next] = [new Set(before.map(wordsOf)), new Set(after.map(wordsOf))];
  return {
    added: after.filter((one) => !old.has(wordsOf(one))),
    removed: before.filter((one) => !next.has(wordsOf(one))),
  };
}
