import { assertEquals } from "@std/assert";
import { ReplayWindow, SequenceState, WINDOW } from "../../src/datagrams/replay_window.ts";
import { fc } from "../support/random/property.ts";
import { MAX_SEQUENCE } from "../../src/datagrams/packet.ts";

const { New, Accepted, Late } = SequenceState;

Deno.test("a window has exactly 2,048 numbers, up to the highest accepted", () => {
  assertEquals(WINDOW, 2048);
  const window = new ReplayWindow();
  assertEquals([0, 1, MAX_SEQUENCE].map((sequence) => window.state(sequence)), [New, New, New]);
  window.accept(5000);
  assertEquals([2951, 2952, 2953, 4999, 5000, 5001].map((sequence) => window.state(sequence)), [
    ...[Late, Late, New, New, Accepted, New],
  ]);
  window.accept(2953);
  assertEquals([window.state(2953), window.state(5001)], [Accepted, New], "an old number does not move it");
  window.accept(5001);
  assertEquals(window.state(2953), Late);
});

Deno.test("numbers that were skipped are new, whatever was at their places before", () => {
  for (const jump of [2, 3, 33, 2047, 2048, 2049, 10_000]) {
    const window = new ReplayWindow();
    for (let sequence = 0; sequence < WINDOW; sequence++) window.accept(sequence);
    const next = WINDOW - 1 + jump;
    window.accept(next);
    for (let skipped = Math.max(WINDOW, next - WINDOW + 1); skipped < next; skipped++) {
      assertEquals(window.state(skipped), New, `${jump} ${skipped}`);
    }
    for (let old = next - WINDOW + 1; old < WINDOW; old++) assertEquals(window.state(old), Accepted);
  }
});

Deno.test("asking about a number changes nothing", () => {
  const window = new ReplayWindow();
  window.accept(0);
  for (const sequence of [1, 2048, 10_000, MAX_SEQUENCE]) window.state(sequence);
  assertEquals([window.state(0), window.state(1)], [Accepted, New]);
});

Deno.test("a window is the set of numbers that it accepted, whatever their order and gaps", () => {
  const jumps = fc.oneof(fc.integer({ min: -2100, max: 5 }), fc.integer({ min: 0, max: 4200 }), fc.constant(2 ** 33));
  fc.assert(fc.property(fc.array(jumps, { maxLength: 100 }), (jumps) => {
    const window = new ReplayWindow(), accepted = new Set<number>();
    let highest = -1;
    for (const jump of jumps) {
      const sequence = Math.max(0, highest + jump);
      const expected = sequence <= highest - WINDOW ? Late : accepted.has(sequence) ? Accepted : New;
      assertEquals(window.state(sequence), expected);
      if (expected !== New) continue;
      window.accept(sequence);
      accepted.add(sequence);
      highest = Math.max(highest, sequence);
    }
  }));
});
