/**
 * The client handler: ingress, directory, associations, sessions.
 *
 * @module
 */
export { ClientHandler } from "./handler.ts";
