/**
 * Imported for its effect by tests that make associations or reset a system connection: loads the native libraries before
 * the first test, in which Deno 2.6 would report them as leaks.
 *
 * @module
 */
import { hasNativeHelper } from "../../../src/net/linux/libc.ts";
import { fastestPoly1305 } from "../../../src/records/poly1305.ts";
import { fastestChacha20 } from "../../../src/sharing/chacha20.ts";
import { padSource } from "../../../src/sharing/pads.ts";

hasNativeHelper();
padSource("auto");
fastestPoly1305();
fastestChacha20();
