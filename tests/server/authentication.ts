/** A server that requires its clients to prove who they are, in memory, and strangers. */
import { initiate } from "../../src/association/initiate.ts";
import { parseConfig } from "../../src/config/load.ts";
import { serverSpec } from "../../src/config/server.ts";
import type { Connection } from "../../src/net/connection.ts";
import { clients, credentials, known, makeKeys, Stranger } from "../support/handlers/authenticated.ts";
import { Handlers, type Secrets } from "../support/handlers/handlers_in_memory.ts";
import { channelAddresses } from "../support/handlers/pair.ts";
import "../support/system/native.ts";

/** The server's file. */
export const CONFIG = `
channels: [192.0.2.1, 192.0.2.2, 192.0.2.3]
targets: {80: "127.0.0.2:8000"}
`;
/** The server's configuration. */
export const config = parseConfig("", serverSpec, ["--config", "s"], () => CONFIG);
/** Keys of the server, of a client that it knows, and of one that it does not. */
export const { server, alice, mallory } = await makeKeys();
/** A server that knows alice, and her client. */
export const SECRETS: Secrets = {
  server: { keys: [server.server], clients: clients(known("alice", alice)) },
  client: { credentials: credentials(server, alice) },
};

/** Handlers, and a stranger's association with the server. */
export async function meet(secrets = SECRETS): Promise<{ handlers: Handlers; stranger: Stranger }> {
  const handlers = new Handlers({}, {}, secrets);
  return { handlers, stranger: await strangerOf(handlers) };
}

/** A stranger's association with the server. */
export async function strangerOf({ network, clock }: Handlers): Promise<Stranger> {
  const stranger = new Stranger(await initiate(channelAddresses(3), { network, clock }));
  strangers.push(stranger);
  return stranger;
}

/** Waits for the end of a stranger's association that the server has refused. @returns Null for an end in order. */
export async function endOf({ clock }: Handlers, { peer }: Stranger): Promise<unknown> {
  await clock.advance(1000);
  return await peer.ended;
}

/** All strangers of the test that is running. */
const strangers: Stranger[] = [];

/** Ends all strangers' associations, and closes the handlers. */
export async function close(handlers: Handlers, ...held: Connection[]): Promise<void> {
  for (const { association } of strangers.splice(0)) association.end();
  await handlers.close(...held);
}

/** Outcomes that the server has counted. */
export const outcomes = ({ server }: Handlers) => Object.fromEntries(server.activity.authentications.entries());
