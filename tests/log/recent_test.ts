import { assertEquals } from "@std/assert";
import { createLog } from "../../src/log/log.ts";
import { Recent } from "../../src/log/recent.ts";

const now = () => new Date(0);

Deno.test("lines are kept with all their fields, and still written", () => {
  const lines: string[] = [];
  const recent = new Recent(10, now);
  const log = recent.of(createLog({ write: (line) => lines.push(line), now }));
  log.with({ session: 1 }).with({ port: 80 }).warn("reset", { why: "x" });
  assertEquals(recent.after(), [{
    number: 1,
    time: "1970-01-01T00:00:00.000Z",
    level: "warn",
    event: "reset",
    fields: { session: 1, port: 80, why: "x" },
  }]);
  assertEquals(lines, ["1970-01-01T00:00:00.000Z warn  reset session=1 port=80 why=x"]);
});

Deno.test("lines below the log's level are kept, except for debug", () => {
  const recent = new Recent(10, now);
  const log = recent.of(createLog({ level: "error", write: () => {}, now }));
  log.debug("a");
  log.info("b");
  log.error("c");
  assertEquals(recent.after().map(({ event }) => event), ["b", "c"]);
});

Deno.test("lines of one level do not evict those of another, and all stay in order", () => {
  const recent = new Recent(2, now);
  const log = recent.of(createLog({ write: () => {}, now }));
  log.warn("w");
  for (const event of ["a", "b", "c"]) log.info(event);
  log.error("e");
  log.info("d");
  assertEquals(recent.after().map(({ event }) => event), ["w", "c", "e", "d"]);
});

Deno.test("only the last lines are kept, and are returned from a number on", () => {
  const recent = new Recent(3, now);
  const log = recent.of(createLog({ write: () => {}, now }));
  for (const event of ["a", "b", "c", "d", "e"]) log.info(event);
  assertEquals(recent.after().map(({ event, number }) => [event, number]), [["c", 3], ["d", 4], ["e", 5]]);
  assertEquals(recent.after(4).map(({ event }) => event), ["e"]);
  assertEquals(recent.after(5), []);
});
