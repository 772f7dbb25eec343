import { assertEquals } from "@std/assert";
import type { Target } from "../../src/config/types.ts";
import { targetFor } from "../../src/server/targets.ts";

const TARGETS: Target[] = [
  { port: "*", host: "10.0.0.1", toPort: "same" },
  { port: 80, host: "127.0.0.1", toPort: 8080 },
  { port: 443, host: "::1", toPort: "same" },
];

function at(targets: readonly Target[], port: number): string | null {
  const target = targetFor(targets, { kind: "port", port });
  return target === null ? null : `${target.host} ${target.port}`;
}

Deno.test("a port has the target configured for it, or the target of all ports, or none", () => {
  assertEquals(at(TARGETS, 80), "127.0.0.1 8080");
  assertEquals(at(TARGETS, 443), "::1 443");
  assertEquals(at(TARGETS, 22), "10.0.0.1 22");
  assertEquals(at(TARGETS.slice(1), 22), null);
  assertEquals(at([{ port: "*", host: "10.0.0.1", toPort: 9000 }], 1), "10.0.0.1 9000");
  assertEquals(at([], 80), null);
});

Deno.test("a destination that is not a port of the server itself has no target", () => {
  assertEquals(targetFor(TARGETS, { kind: "name", port: 80, host: "localhost" }), null);
  assertEquals(targetFor(TARGETS, { kind: "address", port: 80, address: Uint8Array.of(127, 0, 0, 1) }), null);
});
