import { assertEquals, assertThrows } from "@std/assert";
import { candidates, estimateSyntax } from "../../src/config/estimate.ts";
import { UsageError } from "../../src/config/problems.ts";
import { delaySyntax, fractionSyntax, rateSyntax } from "../../src/config/quality.ts";
import { formatChannel } from "../../src/net/address.ts";
import { parseClientCommand } from "../../src/run/client_program.ts";
import { editorSays } from "../support/schema.ts";

const HEAD = "redirect: [127.0.0.1]\nservers:\n  web:\n    channels: [192.0.2.10, 198.51.100.10]\n    estimates:\n";

function read(estimates: string) {
  return parseClientCommand(["--config", "f.yaml"], () => HEAD + estimates).servers[0]!;
}

function wrong(estimates: string): string {
  return assertThrows(() => read(estimates), UsageError).message;
}

Deno.test("estimates are read from maps and from text, and those of unused channels are candidates", () => {
  const yaml = "      192.0.2.10: { risk: 10%, loss: 0.001, delay: 300us, rate: 14.9mbit }\n" +
    "      198.51.100.10:6522: 'risk:0.2,rate:1gbit'\n      203.0.113.10:7000 via lte0: { risk: 1 }\n";
  const server = read(yaml);
  assertEquals(server.estimates!.map(({ channel: _, ...qualities }) => qualities), [
    { risk: 0.1, loss: 0.001, delay: 0.3, rate: 14.9e6 },
    { risk: 0.2, rate: 1e9 },
    { risk: 1 },
  ]);
  assertEquals(candidates(server).map(formatChannel), [
    "192.0.2.10:6522",
    "198.51.100.10:6522",
    "203.0.113.10:7000 via lte0",
  ]);
  assertEquals(editorSays("client", HEAD + yaml), []);
});

Deno.test("mistakes in estimates are reported with their line and what would be right", () => {
  for (
    const [yaml, message] of [
      [
        "      192.0.2.10: { risk: 2 }\n",
        ':6: servers.web.estimates.192.0.2.10.risk: not a fraction: "2"; write 0 to 1, or',
      ],
      ["      192.0.2.10: { loss: 100% }\n", "write 0 to below 1, or 0% to below 100%"],
      ["      192.0.2.10: { rate: 5 }\n", 'not a rate: "5"; write 800kbit, 14.9mbit, 1gbit'],
      ["      192.0.2.10: { delay: 2h }\n", 'not a delay: "2h"; write 300us, 12ms, 1.5s'],
      ["      192.0.2.10: { delay: 61s }\n", "delay out of range"],
      ["      192.0.2.10: { risks: 1% }\n", "unknown key; did you mean risk?"],
      ["      192.0.2.10: 'rsk:1%'\n", 'not a property of a channel: "rsk:1%"; did you mean risk?'],
      ["      192.0.2.10: 'risk:1%,risk:2%'\n", "two values of risk"],
      [
        "      192.0.2.10: { risk: 1% }\n      192.0.2.10:6522: { risk: 2% }\n",
        "two estimates for 192.0.2.10:6522; give one",
      ],
      ["      192.0.2.10:7: { risk: 1% }\n", "two channels use 192.0.2.10, and so one path"],
      ["      '192.0.2.10:x': { risk: 1% }\n", ":6: servers.web.estimates.192.0.2.10:x: "],
      [
        Array.from({ length: 15 }, (_, at) => `      10.0.0.${at}: {}\n`).join(""),
        "17 channels with estimates or in use; give at most 16",
      ],
    ] as const
  ) {
    const found = wrong(yaml);
    assertEquals(found.includes(message), true, `${found}\n${message}`);
    assertEquals(found.split("\n").length, 1, found);
  }
});

Deno.test("what the syntaxes write they read again", () => {
  for (const value of [0, 1, 0.1, 0.001, 1e-10]) {
    assertEquals(fractionSyntax().parse(fractionSyntax().format(value)), value);
  }
  for (const value of [1e3, 14.9e6, 123_456_000, 1e12]) assertEquals(rateSyntax.parse(rateSyntax.format(value)), value);
  for (const value of [0, 0.3, 12, 1500, 60_000]) assertEquals(delaySyntax.parse(delaySyntax.format(value)), value);
  const text = "192.0.2.10:6522=risk:0.1,loss:0.01,delay:12ms,rate:100mbit";
  assertEquals(estimateSyntax.format(estimateSyntax.parse(text)), text);
});
