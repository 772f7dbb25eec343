/**
 * The server handler's side of MICSS: channels in, associations, sessions, targets.
 *
 * @module
 */
export { ServerHandler } from "./handler.ts";
