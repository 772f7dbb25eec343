/**
 * Import this for its effect in a test that makes associations, or may reset a connection of the system's: it loads the
 * libraries for that before the first test, in which Deno 2.6 would take them for leaks.
 *
 * @module
 */
import { hasNativeHelper } from "../../../src/net/linux/libc.ts";
import { fastestPoly1305 } from "../../../src/records/poly1305.ts";
import { padSource } from "../../../src/sharing/pads.ts";

hasNativeHelper();
padSource("auto");
fastestPoly1305();
