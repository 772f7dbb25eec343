/**
 * The cost of sharing by itself, on one core, without pads: `deno bench bench/sharing_bench.ts`. A time in microseconds for
 * 65,536 bytes is also their speed: 65,536 bytes of the message in 10 us are 6.6 GB/s.
 *
 * @module
 */

import { systemPads } from "../src/sharing/system_pads.ts";
import { thresholdScheme } from "../src/sharing/threshold.ts";
import { xor } from "../src/sharing/xor.ts";

const LENGTH = 65_536;

/** No pads: their cost is that of their source, and the same for both schemes with as many of them. */
const noPads = () => {};

function filled(): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  systemPads(bytes);
  return bytes;
}

for (const n of [2, 3, 4, 5]) {
  const message = filled(), shares = Array.from({ length: n }, filled);
  Deno.bench(`XOR, ${n} of ${n}`, { group: "split" }, () => xor.split(message, shares, noPads));
  Deno.bench(`XOR, ${n} of ${n}`, { group: "join" }, () => xor.join(shares));
}

for (const [k, n] of [[2, 2], [2, 3], [3, 4], [3, 5]] as const) {
  const scheme = thresholdScheme(k), message = filled(), shares = Array.from({ length: n }, filled);
  const last = shares.slice(n - k), indexes = [...shares.keys()].slice(n - k);
  Deno.bench(`threshold, ${k} of ${n}`, { group: "split" }, () => scheme.split(message, shares, noPads));
  Deno.bench(`threshold, ${k} of ${n}`, { group: "join" }, () => scheme.join(last, indexes));
}
