/** The warning of a low limit on open files. */
import { assertEquals } from "@std/assert";
import { createLog } from "../../src/log/log.ts";
import { warnOfLowFileLimit } from "../../src/run/file_limit.ts";

type Numbers = Parameters<typeof warnOfLowFileLimit>[1];

/** Fields of the warnings, without those that depend on the machine. */
function warnings(possible: Numbers, configured: Numbers): unknown[] {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => lines.push(JSON.parse(line));
  warnOfLowFileLimit(createLog({ format: "json", write, now: () => new Date(0) }), possible, configured);
  return lines.map(({ event, time: _, level: __, limit: ___, hint: ____, ...fields }) => [event, fields]);
}

Deno.test("files for fewer than 1,000 sessions are few, unless fewer sessions are configured", () => {
  assertEquals(warnings({ sessions: 1000, associations: 250 }, {}), []);
  assertEquals(warnings({ sessions: 999 }, {}), [["few open files", { sessions: 999 }]]);
  assertEquals(warnings({ sessions: 10 }, { sessions: 10 }), []);
  assertEquals(warnings({ sessions: 5000 }, { sessions: 5001 }), [
    ["few open files", { sessions: 5000, "sessions-configured": 5001 }],
  ]);
});

Deno.test("files for fewer associations than configured are few", () => {
  assertEquals(warnings({ sessions: 3997, associations: 1000 }, { associations: 1000 }), []);
  assertEquals(warnings({ sessions: 3997, associations: 1000 }, { associations: 1001 }), [
    ["few open files", { associations: 1000, "associations-configured": 1001 }],
  ]);
});
