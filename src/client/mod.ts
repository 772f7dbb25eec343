/**
 * The client handler: ingress, directory, associations, sessions.
 *
 * @module
 */
export { ClientHandler, type ClientSystem } from "./handler.ts";
