import { assert, assertEquals } from "@std/assert";
import { createLog, type Log, LOG_LEVELS, type LogFields, type LogOptions, silentLog } from "../../src/log/log.ts";

const TIME = "2024-02-29T12:34:56.789Z";

/** Collects the lines that `write` logs. */
function linesOf(options: Partial<LogOptions>, write: (log: Log) => void): string[] {
  const lines: string[] = [];
  write(createLog({ now: () => new Date(TIME), write: (line) => lines.push(line), ...options }));
  return lines;
}

/** The line of an info event with `fields`. */
function lineOf(fields: LogFields, options: Partial<LogOptions> = {}, event = "event"): string {
  const lines = linesOf(options, (log) => log.info(event, fields));
  assertEquals(lines.length, 1);
  return lines[0]!;
}

Deno.test("a text line has time, level, event and fields", () => {
  assertEquals(
    linesOf({}, (log) => {
      log.info("listening", { address: "127.0.0.1:6522" });
      log.warn("session ended", { bytes: 12, ok: false });
      log.error("no files left");
    }),
    [
      `${TIME} info  listening address=127.0.0.1:6522`,
      `${TIME} warn  session ended bytes=12 ok=false`,
      `${TIME} error no files left`,
    ],
  );
});

Deno.test("a JSON line has time, level, event and typed fields", () => {
  const line = lineOf({ bytes: 12, ok: false, reason: 'a "b"\n' }, { format: "json" });
  assertEquals(JSON.parse(line), {
    time: TIME,
    level: "info",
    event: "event",
    bytes: 12,
    ok: false,
    reason: 'a "b"\n',
  });
  assertEquals(Object.keys(JSON.parse(line)).slice(0, 3), ["time", "level", "event"]);
});

for (const format of ["text", "json"] as const) {
  Deno.test(`a log as ${format} drops lines below its level`, () => {
    for (const [least, level] of LOG_LEVELS.entries()) {
      const lines = linesOf({ level, format }, (log) => {
        for (const each of LOG_LEVELS) log[each](each);
      });
      assertEquals(lines.map((line) => /debug|info|warn|error/.exec(line)?.[0]), LOG_LEVELS.slice(least));
    }
  });

  Deno.test(`a log as ${format} omits undefined fields`, () => {
    const line = lineOf({ a: undefined, b: 0, c: undefined, d: "" }, { format });
    assert(!/[ac"]+[=:]u|undefined|\ba\b|\bc\b/.test(line), line);
    assert(/\bb\b.*\bd\b/.test(line), line);
  });

  Deno.test(`no value can forge a second line of a log as ${format}`, () => {
    for (
      const evil of [
        "\n",
        "\r",
        "\r\n",
        "x\n2024 error forged",
        "\x1b[2J",
        "\x00",
        "\x85",
        "\x9b2J",
        "\x7f",
        "\u2028",
        "\u2029",
      ]
    ) {
      const line = lineOf({ evil }, { format });
      assert(!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(line), JSON.stringify(line));
      const written = format === "json" ? JSON.parse(line).evil : JSON.parse(line.slice(line.indexOf('"')));
      assertEquals(written, evil);
    }
  });
}

Deno.test("the default level is info, and the default format text", () => {
  assertEquals(linesOf({}, (log) => (log.debug("a"), log.info("b"))), [`${TIME} info  b`]);
});

Deno.test("ambiguous text values are quoted", () => {
  const cases: [string, string][] = [
    ["plain", "plain"],
    ["[2001:db8::1]:80", "[2001:db8::1]:80"],
    ["é/日本", "é/日本"],
    ["", '""'],
    ["two words", '"two words"'],
    ["a=b", '"a=b"'],
    ['say "x"', '"say \\"x\\""'],
    ["back\\slash", "back\\slash"],
    ["line\nline", '"line\\nline"'],
    ["\u2028", '"\\u2028"'],
  ];
  for (const [value, written] of cases) assertEquals(lineOf({ value }), `${TIME} info  event value=${written}`);
});

Deno.test("with() adds fields to every line, the later ones winning, and does not change the original", () => {
  const lines = linesOf({}, (log) => {
    const session = log.with({ session: 1, port: 80 });
    const stream = session.with({ stream: "up", port: 81 });
    log.info("a");
    session.info("b");
    stream.info("c", { session: 2 });
    session.info("d", { port: undefined });
  });
  assertEquals(lines.map((line) => line.slice(TIME.length + 7)), [
    "a",
    "b session=1 port=80",
    "c session=2 port=81 stream=up",
    "d session=1",
  ]);
});

Deno.test("with() keeps level and format", () => {
  const lines = linesOf({ level: "warn", format: "json" }, (log) => {
    log.with({ a: 1 }).info("dropped");
    log.with({ a: 1 }).warn("kept");
  });
  assertEquals(lines.map((line) => JSON.parse(line)), [{ time: TIME, level: "warn", event: "kept", a: 1 }]);
});

Deno.test("a silent log writes nothing", () => {
  silentLog.with({ a: 1 }).error("nothing");
});
