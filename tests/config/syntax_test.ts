import { assert, assertEquals, assertThrows } from "@std/assert";
import { forwardSyntax, serverSyntax } from "../../src/config/client.ts";
import { targetSyntax } from "../../src/config/server.ts";
import {
  addressSyntax,
  booleanSyntax,
  countOrWordSyntax,
  countSyntax,
  durationSyntax,
  MAX_DURATION,
  portSyntax,
  type Syntax,
  wordSyntax,
} from "../../src/config/syntax.ts";
import { bytesHost } from "../../src/net/ip.ts";
import { bytes, fc, record } from "../support/random/property.ts";

const port = fc.integer({ min: 1, max: 65535 });
const host = fc.oneof(
  fc.ipV4(),
  bytes(16, 16).map(bytesHost),
  fc.constantFrom("::1", "::", "2001:db8::10", "::ffff:192.0.2.1", "fe80::1%eth0"),
  fc.stringMatching(/^h[a-z0-9-]{0,12}(\.example\.?)?$/),
);
const address = record({ host, port });
const name = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9.-]{0,12}$/);

function checkRoundTrip<T>(syntax: Syntax<T>, values: fc.Arbitrary<T>): void {
  fc.assert(fc.property(values, (value) => assertEquals(syntax.parse(syntax.format(value)), value)), { numRuns: 500 });
}

Deno.test("an address reads back as written", () => {
  checkRoundTrip(addressSyntax({}), address);
  checkRoundTrip(addressSyntax({ listen: true }), record({ host, port: fc.constantFrom(0, 1, 65535) }));
});

Deno.test("a target reads back as written", () => {
  const any = fc.constant("*" as const), same = fc.constant("same" as const);
  checkRoundTrip(targetSyntax, record({ port: fc.oneof(port, any), host, toPort: fc.oneof(port, same) }));
});

Deno.test("a server reads back as written", () => {
  checkRoundTrip(serverSyntax, record({ name, channels: fc.array(address, { minLength: 1, maxLength: 16 }) }));
});

Deno.test("a forward reads back as written", () => {
  checkRoundTrip(forwardSyntax, record({ listen: address, server: name, port }));
});

Deno.test("ports, counts, booleans and words read back as written", () => {
  checkRoundTrip(portSyntax, port);
  checkRoundTrip(countSyntax(3, 20), fc.integer({ min: 3, max: 20 }));
  checkRoundTrip(countSyntax(0, 16_777_216), fc.integer({ min: 0, max: 16_777_216 }));
  checkRoundTrip(
    countOrWordSyntax(1, 64, "each"),
    fc.oneof(fc.constant("each" as const), fc.integer({ min: 1, max: 64 })),
  );
  checkRoundTrip(booleanSyntax, fc.boolean());
  checkRoundTrip(wordSyntax("level", ["debug", "info", "warn"]), fc.constantFrom("debug", "info", "warn"));
});

Deno.test("a duration reads back as written", () => {
  checkRoundTrip(durationSyntax, fc.integer({ min: 1, max: MAX_DURATION }));
  for (const ms of [1, 999, 1000, 59_999, 60_000, 90_000, 3_600_000, MAX_DURATION]) {
    assertEquals(durationSyntax.parse(durationSyntax.format(ms)), ms);
  }
});

Deno.test("a duration has a unit and is between 1 ms and 24 h", () => {
  const good = { "500ms": 500, "5s": 5000, "1.5s": 1500, "2m": 120_000, "1h": 3_600_000, "24h": MAX_DURATION };
  for (const [text, ms] of Object.entries(good)) assertEquals(durationSyntax.parse(text), ms, text);
  assertEquals([5000, 60_000, 1500, 3_600_000].map(durationSyntax.format), ["5s", "1m", "1500ms", "1h"]);
  for (const text of ["", "5", "s", "5 s", "-5s", "5S", "1e3s", "5s5", ".5s"]) {
    assertThrows(() => durationSyntax.parse(text), SyntaxError, `not a duration: "${text}"; write 500ms, 5s, 2m or 1h`);
  }
  for (const text of ["0s", "0.4ms", "25h", "86400001ms", `${"9".repeat(400)}h`]) {
    assertThrows(() => durationSyntax.parse(text), SyntaxError, `duration out of range: "${text}"; write 1ms to 24h`);
  }
});

Deno.test("a target without a port uses the requested one", () => {
  assertEquals(targetSyntax.parse("80=127.0.0.1:8080"), { port: 80, host: "127.0.0.1", toPort: 8080 });
  assertEquals(targetSyntax.parse("80=127.0.0.1"), { port: 80, host: "127.0.0.1", toPort: "same" });
  assertEquals(targetSyntax.parse("*=[::1]"), { port: "*", host: "::1", toPort: "same" });
  assertEquals(targetSyntax.parse("*=127.0.0.1:9000"), { port: "*", host: "127.0.0.1", toPort: 9000 });
  assertEquals(targetSyntax.parse("65535=Example.COM:1"), { port: 65535, host: "example.com", toPort: 1 });
});

Deno.test("a server's channels may have spaces around them, and default ports", () => {
  assertEquals(serverSyntax.parse("web=192.0.2.10, [2001:db8::10] ,a:80").channels, [
    { host: "192.0.2.10", port: 6522 },
    { host: "2001:db8::10", port: 6522 },
    { host: "a", port: 80 },
  ]);
});

Deno.test("true and false are the only booleans", () => {
  assertEquals(["true", "false"].map(booleanSyntax.parse), [true, false]);
  for (const text of ["", "yes", "True", "1"]) {
    assertThrows(() => booleanSyntax.parse(text), SyntaxError, "must be true or false");
  }
});

Deno.test("a count is a whole number within its bounds", () => {
  assertEquals(["3", "20", "007"].map(countSyntax(3, 20).parse), [3, 20, 7]);
  for (const text of ["2", "21", "9".repeat(400)]) {
    assertThrows(() => countSyntax(3, 20).parse(text), SyntaxError, `number out of range: "${text}"; write 3 to 20`);
  }
  for (const text of ["", "-3", "3.5", "1e1", "0x5", " 5"]) {
    assertThrows(() => countSyntax(3, 20).parse(text), SyntaxError, `not a whole number: "${text}"; write 3 to 20`);
  }
});

Deno.test("an unknown word gets a suggestion, or the list of words", () => {
  const syntax = wordSyntax("level", ["debug", "info", "warn"]);
  assertEquals(syntax.parse("warn"), "warn");
  assertThrows(() => syntax.parse("inof"), SyntaxError, 'unknown level: "inof"; did you mean info?');
  assertThrows(() => syntax.parse("loud"), SyntaxError, 'unknown level: "loud"; write debug, info or warn');
});

/** Fragments of valid values, and characters that break them. */
const PIECES = [
  "=",
  ":",
  ",",
  "[",
  "]",
  "*",
  "80",
  "0",
  "a",
  "web",
  "::1",
  "127.0.0.1",
  " ",
  "\n",
  "%",
  "é",
  "\ud800",
];

Deno.test("any text is refused with SyntaxError, or reads back as the same value once written", () => {
  const syntaxes: Syntax<unknown>[] = [
    addressSyntax({ defaultPort: 6522 }),
    addressSyntax({ listen: true }),
    targetSyntax,
    serverSyntax,
    forwardSyntax,
    durationSyntax,
    booleanSyntax,
  ];
  const pieces = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join(""));
  let read = 0;
  fc.assert(
    fc.property(fc.constantFrom(...syntaxes), fc.oneof(fc.string(), pieces), (syntax, text) => {
      let value: unknown;
      try {
        value = syntax.parse(text);
      } catch (error) {
        assert(error instanceof SyntaxError, String(error));
        return;
      }
      read++;
      assertEquals(syntax.parse(syntax.format(value)), value);
    }),
    { numRuns: 5000 },
  );
  assert(read > 20, `only ${read} of them are values`);
});
