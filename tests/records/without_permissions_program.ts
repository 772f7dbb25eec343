/** Runs without any permission for wasm_test.ts: prints a direction, and the bodies that a receiver takes from it. */

import { concat } from "../../src/wire/concat.ts";
import { direction, receive } from "./direction.ts";

const parts = direction([5, 600, 20_000].map((length) => new Uint8Array(length).fill(length)));
const { bodies } = receive([concat(parts)]);
console.log(concat(parts).toHex());
console.log(bodies.map((body) => `${body.length}`).join());
