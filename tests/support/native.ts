/**
 * Import this for its effect in a test that may reset a connection of the system's: it loads the C library before the
 * first test, in which Deno 2.6 would take it for a leak.
 *
 * @module
 */
import { hasNativeHelper } from "../../src/net/linux.ts";

hasNativeHelper();
