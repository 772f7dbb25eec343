import { assert, assertEquals, assertThrows } from "@std/assert";
import { forwardSyntax, serverSyntax } from "../../src/config/client.ts";
import { targetSyntax } from "../../src/config/server.ts";
import {
  addressSyntax,
  booleanSyntax,
  durationSyntax,
  MAX_DURATION,
  type Syntax,
  wordSyntax,
} from "../../src/config/syntax.ts";
import type { Address } from "../../src/net/address.ts";

/** Picks the same values in each run. */
function picker(seed: number) {
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * limit);
  };
  const one = <T>(items: readonly T[]): T => items[below(items.length)]!;
  const many = <T>(least: number, most: number, make: () => T): T[] => {
    return Array.from({ length: least + below(most - least + 1) }, make);
  };
  const letters = (alphabet: string, length: number): string => many(length, length, () => one([...alphabet])).join("");
  const port = (): number => 1 + below(65535);
  const host = (): string =>
    one([
      () => many(4, 4, () => below(256)).join("."),
      () => many(8, 8, () => below(65536).toString(16)).join(":"),
      () => `fe80::${below(65536).toString(16)}%eth${below(9)}`,
      () => one(["::1", "::", "2001:db8::10", "::ffff:192.0.2.1"]),
      () => "h" + letters("abcxyz019-", below(12)) + one(["", ".example", ".example."]),
    ])();
  const name = (): string => letters("abcXYZ019", 1) + letters("abcXYZ019.-", below(12));
  return { below, one, many, port, host, name, address: (): Address => ({ host: host(), port: port() }) };
}

function checkRoundTrip<T>(syntax: Syntax<T>, make: (pick: ReturnType<typeof picker>) => T): void {
  const pick = picker(6522);
  for (let i = 0; i < 500; i++) {
    const value = make(pick);
    const text = syntax.format(value);
    assertEquals(syntax.parse(text), value, text);
  }
}

Deno.test("an address reads as it was written", () => {
  checkRoundTrip(addressSyntax({}), ({ address }) => address());
  checkRoundTrip(addressSyntax({ listen: true }), ({ address, one }) => ({ ...address(), port: one([0, 65535]) }));
});

Deno.test("a target reads as it was written", () => {
  checkRoundTrip(targetSyntax, ({ one, port, host }) => {
    return { port: one([port(), "*" as const]), host: host(), toPort: one([port(), "same" as const]) };
  });
});

Deno.test("a server reads as it was written", () => {
  checkRoundTrip(serverSyntax, ({ name, many, address }) => ({ name: name(), channels: many(1, 16, address) }));
});

Deno.test("a forward reads as it was written", () => {
  checkRoundTrip(forwardSyntax, ({ address, name, port }) => ({ listen: address(), server: name(), port: port() }));
});

Deno.test("a duration reads as it was written", () => {
  checkRoundTrip(durationSyntax, ({ below }) => 1 + below(MAX_DURATION));
  for (const ms of [1, 999, 1000, 59_999, 60_000, 90_000, 3_600_000, MAX_DURATION]) {
    assertEquals(durationSyntax.parse(durationSyntax.format(ms)), ms);
  }
});

Deno.test("a duration has a unit and a place between 1 ms and 24 h", () => {
  const good = { "500ms": 500, "5s": 5000, "1.5s": 1500, "2m": 120_000, "1h": 3_600_000, "24h": MAX_DURATION };
  for (const [text, ms] of Object.entries(good)) assertEquals(durationSyntax.parse(text), ms, text);
  assertEquals([5000, 60_000, 1500, 3_600_000].map(durationSyntax.format), ["5s", "1m", "1500ms", "1h"]);
  for (const text of ["", "5", "s", "5 s", "-5s", "5S", "1e3s", "5s5", ".5s"]) {
    assertThrows(() => durationSyntax.parse(text), SyntaxError, `is no duration; write 500ms, 5s, 2m or 1h`);
  }
  for (const text of ["0s", "0.4ms", "25h", "86400001ms", `${"9".repeat(400)}h`]) {
    assertThrows(() => durationSyntax.parse(text), SyntaxError, `is out of range; write 1ms to 24h`);
  }
});

Deno.test("a target without a port keeps the one that was asked for", () => {
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
    assertThrows(() => booleanSyntax.parse(text), SyntaxError, "write true or");
  }
});

Deno.test("a word that is not among the few is told what it could be", () => {
  const syntax = wordSyntax("level", ["debug", "info", "warn"]);
  assertEquals(syntax.parse("warn"), "warn");
  assertThrows(() => syntax.parse("inof"), SyntaxError, '"inof" is no level; did you mean info?');
  assertThrows(() => syntax.parse("loud"), SyntaxError, '"loud" is no level; write debug, info or warn');
});

Deno.test("no syntax throws anything but a SyntaxError, whatever it reads", () => {
  const syntaxes: Syntax<unknown>[] = [
    addressSyntax({ defaultPort: 6522 }),
    addressSyntax({ listen: true }),
    targetSyntax,
    serverSyntax,
    forwardSyntax,
    durationSyntax,
    booleanSyntax,
  ];
  const { many, one } = picker(1);
  const parts = [
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
  for (let i = 0; i < 5000; i++) {
    const text = many(0, 8, () => one(parts)).join("");
    for (const syntax of syntaxes) {
      try {
        syntax.parse(text);
      } catch (error) {
        assert(error instanceof SyntaxError, `${JSON.stringify(text)}: ${error}`);
      }
    }
  }
});
