import { assertEquals } from "@std/assert";
import { selectFigures } from "../../bench/figures.ts";
import { goals } from "../../bench/goals.ts";
import { Results, type Setting } from "../../bench/results.ts";

const OURS = "MICSS, 3 channels", SHORT = "MICSS, 3 channels, short shares", VERSION = "MICSS v1, 3 channels";

/** The body of the table of goals for these figures: [system, metric, value, setting]. */
function table(figures: readonly (readonly [string, string, number, Setting?])[], version?: string): string[] {
  const results = new Results();
  for (const [system, metric, value, setting = {}] of figures) results.add("peers", system, setting, metric, "", value);
  return goals(results.all(), version).trimEnd().split("\n").slice(2);
}

Deno.test("a goal relative to another system is reached on its bound and not below", () => {
  const requests = (ours: number) =>
    table([[OURS, "connections", ours], ["plain Deno relay pair", "connections", 1000]]);
  const row = "| connections/s, one after the other |";
  assertEquals(requests(900), [`${row} 900 | plain Deno relay pair | 1,000 | 0.9 | >= 0.9 | yes |`]);
  assertEquals(requests(899), [`${row} 899 | plain Deno relay pair | 1,000 | 0.899 | >= 0.9 | no |`]);
});

Deno.test("a goal of being ahead is not reached by a tie", () => {
  const kept = { connections: "kept" };
  const row = (ours: number) => table([[OURS, "requests", ours, kept], ["ssh -L", "requests", 50, kept]])[0];
  assertEquals(row(50), "| requests/s, kept connections | 50 | ssh -L | 50 | 1 | > 1 | no |");
  assertEquals(row(51), "| requests/s, kept connections | 51 | ssh -L | 50 | 1.02 | > 1 | yes |");
});

Deno.test("requests on kept connections and with one each are separate goals", () => {
  const rows = table([[OURS, "requests", 7, { connections: "one a request" }]]);
  assertEquals(rows, [
    "| requests/s, kept connections | - | ssh -L | - | - | > 1 | not measured |",
    "| requests/s, a connection each | 7 | plain Deno relay pair | - | - | > 1 | not measured |",
  ]);
});

Deno.test("goals relative to an earlier version compare with the worktree's system", () => {
  const figures = [[OURS, "throughput up", 86], [SHORT, "throughput up", 87], [VERSION, "throughput up", 100]] as const;
  const rows = ["| throughput up, Mbit/s | 86 |", "| throughput up, short shares, Mbit/s | 87 |"];
  const ratios = ["0.86 | >= 0.87 | no |", "0.87 | >= 0.87 | yes |"];
  assertEquals(table(figures, VERSION), rows.map((row, at) => `${row} ${VERSION} | 100 | ${ratios[at]}`));
  assertEquals(table(figures), rows.map((row) => `${row} another worktree | - | - | >= 0.87 | not measured |`));
});

Deno.test("a goal with a unit judges the figure itself", () => {
  const figures = [[OURS, "memory of an idle session", 20], [VERSION, "memory of an idle session", 59]] as const;
  const row = "| memory of an idle session, KiB | 20 | MICSS v1, 3 channels | 59 | 0.339 | <= 20 KiB | yes |";
  assertEquals(table(figures, VERSION)[0], row);
});

Deno.test("one round with failures keeps the goal of none from being reached", () => {
  const failures = (...rounds: number[]) =>
    table(rounds.map((failed) => [OURS, "burst, failures", failed] as const))[0];
  const row = "| burst of 1,000 connections, failures |";
  assertEquals(failures(0, 0, 0), `${row} 0 | HAProxy pair | - | - | <= 0 failures | yes |`);
  assertEquals(failures(0, 3, 0), `${row} 3 | HAProxy pair | - | - | <= 0 failures | no |`);
});

Deno.test("figures are selected by their names or beginnings of them", () => {
  const names = (...words: string[]) => selectFigures(words).map(({ name }) => name);
  assertEquals(names("requests", "roundtrip"), ["roundtrip", "requests-each", "requests-kept"]);
  assertEquals(names("throughput-up"), ["throughput-up"]);
  assertEquals(names("speed"), []);
  assertEquals(names().length, 9);
});
