import type { Result, Setting } from "./results.ts";
import { OURS } from "./systems.ts";
import { number } from "./tables.ts";

/** A goal for MICSS, relative to another system's figure or absolute. */
interface Goal {
  /** The figure in words. */
  readonly figure: string;
  /** The measured system. Default: {@linkcode OURS.shared}. */
  readonly ours?: string;
  readonly metric: string;
  readonly setting?: Setting;
  /** The system to compare with; "version" stands for the first other worktree's. */
  readonly peer: string;
  /** Compares the ratio, or, if it has a unit, the figure itself. */
  readonly bound: Bound;
  /** The worst round counts, not the median. */
  readonly worst?: boolean;
}

type Bound = readonly [relation: ">" | ">=" | "<=", limit: number, unit?: string];

const RELAY = "plain Deno relay pair", RELAY_3 = "plain Deno relay pair, 3 channels", HAPROXY = "HAProxy pair";

const VERSION = "version", MEMORY = "memory of an idle session";

const kept = { connections: "kept" }, each = { connections: "one a request" };

const GOALS: readonly Goal[] = [
  ...[{ ours: OURS.shared, shares: "" }, { ours: OURS.short, shares: ", short shares" }].flatMap(({ ours, shares }) => [
    ...["throughput up", "throughput down"].map((metric): Goal => (
      { figure: `${metric}${shares}, Mbit/s`, ours, metric, peer: VERSION, bound: [">=", 0.87] }
    )),
    ...["up", "down"].map((mode): Goal => (
      {
        figure: `CPU seconds a GB, ${mode}${shares}`,
        ours,
        metric: `processor ${mode}`,
        peer: VERSION,
        bound: ["<=", 1.15],
      }
    )),
  ]),
  { figure: "requests/s, kept connections", metric: "requests", setting: kept, peer: "ssh -L", bound: [">", 1] },
  { figure: "requests/s, a connection each", metric: "requests", setting: each, peer: RELAY, bound: [">", 1] },
  { figure: "connections/s, one after the other", metric: "connections", peer: RELAY, bound: [">=", 0.9] },
  { figure: "round trip, median, µs", metric: "round trip, median", peer: RELAY_3, bound: ["<=", 1.1] },
  { figure: "round trip, p99, µs", metric: "round trip, p99", peer: RELAY_3, bound: ["<=", 1.1] },
  { figure: "memory of an idle session, KiB", metric: MEMORY, peer: VERSION, bound: ["<=", 20, "KiB"] },
  {
    figure: "memory of an idle session, small heap, KiB",
    ours: OURS.small,
    metric: MEMORY,
    peer: `${VERSION}, small heap`,
    bound: ["<=", 12, "KiB"],
  },
  {
    figure: "burst of 1,000 connections, failures",
    metric: "burst, failures",
    peer: HAPROXY,
    bound: ["<=", 0, "failures"],
    worst: true,
  },
  { figure: "burst of 1,000 connections, s", metric: "burst", peer: HAPROXY, bound: ["<=", 1] },
  ...["up", "down"].flatMap((mode): Goal[] => {
    const metric = `alongside a flow ${mode}, p99`, peer = VERSION, bound = ["<=", 20, "ms"] as const;
    return [
      { figure: `round trip alongside a flow ${mode}, p99, ms`, metric, peer, bound },
      { figure: `... on the flow's association, p99, ms`, ours: OURS.one, metric, peer, bound },
    ];
  }),
];

/**
 * Compares results of `peers` with the goals, as a Markdown table.
 *
 * @param version The system that "version" stands for in {@linkcode GOALS}, if it was measured.
 */
export function goals(results: readonly Result[], version?: string): string {
  // Figures that were not selected have no metric.
  const measured = GOALS.filter(({ metric }) => results.some((one) => one.metric === metric));
  const rows = measured.map((goal) => row(goal, results, version));
  const head = ["", "MICSS", "peer", "", "ratio", "goal", "reached"];
  const rule = ["---", "--:", "---", "--:", "--:", "--:", "---"];
  return [head, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |\n`).join("");
}

function row(goal: Goal, results: readonly Result[], version: string | undefined): string[] {
  const { figure, ours = OURS.shared, metric, setting = {}, peer, bound, worst } = goal;
  const [relation, limit, unit] = bound;
  const of = (system: string | undefined): number | undefined => {
    const result = results.find((one) =>
      one.part === "peers" && one.system === system && one.metric === metric &&
      Object.entries(setting).every(([key, value]) => one.setting[key] === value)
    );
    return worst ? result?.most : result?.median;
  };
  const name = peer.replace(VERSION, version ?? "another worktree");
  const own = of(ours), other = of(name);
  const ratio = own === undefined || !other ? undefined : own / other;
  const judged = unit === undefined ? ratio : own;
  const shown = (value: number | undefined) => value === undefined ? "-" : number(value);
  const reached = judged === undefined ? "not measured" : holds(judged, relation, limit) ? "yes" : "no";
  return [figure, shown(own), name, shown(other), shown(ratio), [relation, limit, unit].join(" ").trim(), reached];
}

function holds(value: number, relation: Bound[0], limit: number): boolean {
  return relation === "<=" ? value <= limit : relation === ">=" ? value >= limit : value > limit;
}
