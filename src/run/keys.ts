import { quote, UsageError } from "../config/problems.ts";
import { anyone, type ClientDirectory, FixedClients } from "../authenticate/client_directory.ts";
import { type Credentials, credentialsFor, type ServerCredentials } from "../authenticate/credentials.ts";
import type { ClientsChoice, ConfiguredClient } from "../config/clients.ts";
import type { ClientConfig, ClientKey, JoinedKeys, Server } from "../config/types.ts";
import { Method } from "../wire/identify.ts";
import { importKey, type Key } from "../identify/key.ts";
import { KeyFileError, type KeyUse, loadKey } from "../identify/key_file.ts";
import type { ScopedKey } from "../identify/learned.ts";

/**
 * Loads keys from their files.
 *
 * @param place Prefix of messages: "micss server: keys".
 * @throws {UsageError} With a line for each invalid file.
 */
export async function loadKeys(place: string, files: readonly string[], use: KeyUse): Promise<Key[]> {
  const loaded = await Promise.all(files.map(async (file) => {
    try {
      return await loadKey(file, use);
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      return `${place} ${quote(file)}: ${error.message}`;
    }
  }));
  const lines = loaded.filter((key) => typeof key === "string");
  if (lines.length > 0) throw new UsageError(lines);
  return loaded.filter((key) => typeof key !== "string");
}

/** Loads a client's keys; see {@linkcode loadKeys}. */
export async function loadClientKeys(place: string, configured: readonly ClientKey[]): Promise<ScopedKey[]> {
  const keys = await loadKeys(place, configured.map(({ file }) => file), "verify");
  return configured.map(({ scope }, index) => ({ scope, key: keys[index]! }));
}

/**
 * Loads the keys of a server's clients.
 *
 * @param place Returns the prefix of messages about a client: "micss server: clients".
 * @param own The server's keys.
 * @throws {UsageError} With a line for each invalid file, and for a key that two clients, or a client and the server's other
 * clients, have in common.
 */
export async function loadServerClients(
  place: (client: ConfiguredClient) => string,
  choice: ClientsChoice | undefined,
  own: readonly Key[],
): Promise<ClientDirectory> {
  if (choice === undefined || choice === "anyone") return anyone;
  const loaded = await Promise.all(choice.map(async (client) => {
    const keys = await loadKeys(place(client), client.keys, "verify");
    return keys.map((key, at) => ({ client, key, file: client.keys[at]! }));
  }));
  const lines: string[] = [], owners = new Map(own.map(({ id }) => [id.toHex(), "this server (keys)"]));
  for (const { client, key, file } of loaded.flat()) {
    const id = key.id.toHex(), owner = owners.get(id), { name } = client;
    owners.set(id, name);
    if (owner === undefined) continue;
    lines.push(
      `${place(client)} ${quote(file)}: the key of ${name} is also that of ${owner}; give each a key of its own`,
    );
  }
  if (lines.length > 0) throw new UsageError(lines);
  return new FixedClients(
    loaded.flat().map(({ client: { name, ports = null, sessions = null }, key }) => {
      return { name, key, ports, sessions };
    }),
  );
}

/**
 * Loads a client's key and those of its configured servers.
 *
 * @param place Returns the prefix of messages about a server's key, or the client's: "micss client: client-key".
 * @throws {UsageError} With a line for each invalid file, and for an HMAC key of two servers.
 */
export async function loadCredentials(
  place: (server: Server | null) => string,
  { servers, clientKey: file }: Pick<ClientConfig, "servers" | "clientKey">,
): Promise<Credentials> {
  const [clientKey = null] = file === undefined ? [] : await loadKeys(place(null), [file], "sign");
  if (clientKey?.method === Method.HmacSha256) {
    throw new UsageError([
      `${place(null)} ${quote(file!)}: an HMAC key, which one server has, too; give it as servers.NAME.key`,
    ]);
  }
  const owners = new Map<string, string>(), credentials = new Map<string, ServerCredentials>();
  for (const server of servers) {
    const { name, key: file, joined } = server;
    if (joined !== undefined) credentials.set(name, await joinedCredentials(joined));
    if (joined !== undefined || file === undefined) continue;
    const [key] = await loadKeys(place(server), [file], "verify");
    const id = key!.id.toHex(), owner = owners.get(id);
    if (owner !== undefined && key!.method === Method.HmacSha256) {
      throw new UsageError([
        `${place(server)} ${quote(file)}: also the key of ${owner}, which could pose as this client; ` +
        "give each server its own",
      ]);
    }
    owners.set(id, name);
    credentials.set(name, credentialsFor(key!, clientKey));
  }
  return { servers: credentials, clientKey };
}

async function joinedCredentials({ serverKey, clientKey }: JoinedKeys): Promise<ServerCredentials> {
  return {
    serverKey: await importKey({ kind: "micss-ed25519-public-v1", material: serverKey, comment: "" }),
    clientKey: await importKey({ kind: "micss-ed25519-v1", material: clientKey, comment: "" }),
  };
}
