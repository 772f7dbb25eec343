/** The group threshold of docs/vectors.json, against src/sharing/threshold.ts. */

import { assertEquals } from "@std/assert";
import vectors from "../../docs/vectors.json" with { type: "json" };
import { thresholdScheme } from "../../src/sharing/threshold.ts";

const cases = vectors.threshold.map(({ name, threshold, message, pads, shares }) => ({
  name,
  scheme: thresholdScheme(threshold),
  message: Uint8Array.fromHex(message),
  pads: pads.map((pad) => Uint8Array.fromHex(pad)),
  shares: shares.map((share) => Uint8Array.fromHex(share)),
}));

Deno.test("the vectors' messages and pads give the shares", () => {
  for (const { name, scheme, message, pads, shares } of cases) {
    const into = shares.map(({ length }) => new Uint8Array(length));
    let next = 0;
    scheme.split(message, into, (pad) => pad.set(pads[next++]!));
    assertEquals(into, shares, name);
    assertEquals([next, shares.slice(0, next)], [scheme.threshold - 1, pads], name);
  }
});

Deno.test("the vectors' shares give the message and each other, from any place on", () => {
  for (const { name, scheme, message, shares } of cases) {
    for (const start of shares.keys()) {
      const [index, ...others] = Array.from({ length: scheme.threshold }, (_, i) => (start + i) % shares.length);
      const rest = others.map((other) => shares[other]!), into = new Uint8Array(message.length);
      scheme.reencode(message, rest, others, index!, into);
      assertEquals(into, shares[index!], name);
      scheme.join([into, ...rest], [index!, ...others]);
      assertEquals(into, message, name);
    }
  }
});
