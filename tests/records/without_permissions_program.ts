/**
 * Runs without any permission for wasm_test.ts: prints a direction, the bodies that a receiver takes from it, and what short
 * shares of it join to.
 */

import { ShortJoiner } from "../../src/short/joiner.ts";
import { ShortSplitter } from "../../src/short/splitter.ts";
import { concat } from "../../src/wire/concat.ts";
import { taken } from "../support/network/chunks.ts";
import { Random } from "../support/random/random.ts";
import { direction, receive } from "./direction.ts";

const parts = direction([5, 600, 20_000].map((length) => new Uint8Array(length).fill(length)));
const { bodies } = receive([concat(parts)]);
console.log(concat(parts).toHex());
console.log(bodies.map((body) => `${body.length}`).join());
const splitter = new ShortSplitter(3, new Random(1).fill), message = concat(parts), joined: Uint8Array[] = [];
const shares = Array.from({ length: 3 }, () => new Uint8Array(splitter.lengthOf(message)));
splitter.split(message, shares);
console.log(shares.map((share) => share.toHex()).join());
new ShortJoiner(3, (chunk) => joined.push(taken(chunk))).join(shares);
console.log(concat(joined).toHex());
