/**
 * The client handler's side of MICSS: ways in, the directory, associations, sessions.
 *
 * @module
 */
export { ClientHandler, type ClientSystem } from "./handler.ts";
