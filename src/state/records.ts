import { type Address, formatAddress, parseAddress } from "../net/address.ts";
import { canonicalHost, isIp } from "../net/ip.ts";
import { formatKey, type KeyKind, type KeyText, parseKey } from "../identify/key.ts";
import { MAX_CHANNELS, MIN_CHANNELS } from "../wire/associate.ts";
import { INVITATION_ID_LENGTH, isName, TOKEN_LENGTH } from "../wire/invitation.ts";

/** A client that enrolled. File `clients/NAME.json`. */
export interface ClientRecord {
  /** Its name. */
  readonly name: string;
  /** Public half of its Ed25519 key. */
  readonly key: KeyText;
  /** Ports that it may request; null for all. */
  readonly ports: readonly number[] | null;
  /** Time of enrolment, in milliseconds since 1970. */
  readonly enrolled: number;
  /** Id of the invitation that it used, in hexadecimal. */
  readonly invitation: string;
}

/** An open invitation. File `invitations/ID.json`. */
export interface InvitationRecord {
  /** Its id, in hexadecimal. */
  readonly id: string;
  /** Name of the client that it is for. */
  readonly name: string;
  /** Key that authenticates the enrolment: {@linkcode TOKEN_LENGTH} bytes. Secret. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** Ports that the client may request; null for all. */
  readonly ports: readonly number[] | null;
  /** Time of expiry, in milliseconds since 1970. */
  readonly expires: number;
}

/** A server that this client joined, or tried to. Files `servers/NAME.json` and `joining/ID.json`. */
export interface ServerRecord {
  /** Its name on this client. */
  readonly name: string;
  /** Addresses of its channels. */
  readonly channels: readonly Address[];
  /** Public half of its Ed25519 key. */
  readonly serverKey: KeyText;
  /** Private half of this client's Ed25519 key. */
  readonly clientKey: KeyText;
  /** Name that the server knows this client by; null until it is enrolled. */
  readonly client: string | null;
  /** Id of the invitation, in hexadecimal. */
  readonly invitation: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Formats a client as the text of its file. */
export function formatClient({ key, ports, enrolled, invitation }: ClientRecord): string {
  return format({ version: 1, key: keyLine(key), ports, enrolled: iso(enrolled), invitation });
}

/**
 * Reads a client from the text of its file.
 *
 * @throws {SyntaxError} For the first mistake: "FIELD: what is wrong". No message contains a part of a secret.
 */
export function parseClient(name: string, text: string): ClientRecord {
  const json = parse(text);
  if (!isName(name)) throw new SyntaxError("file name: not a client's name");
  return {
    name,
    key: readKey(json, "key", "micss-ed25519-public-v1"),
    ports: readPorts(json),
    enrolled: readTime(json, "enrolled"),
    invitation: readId(json, "invitation"),
  };
}

/** Formats an invitation as the text of its file. */
export function formatInvitationRecord({ name, key, ports, expires }: InvitationRecord): string {
  return format({ version: 1, name, key: key.toHex(), ports, expires: iso(expires) });
}

/** Reads an invitation from the text of its file. @throws {SyntaxError} As {@linkcode parseClient}. */
export function parseInvitationRecord(id: string, text: string): InvitationRecord {
  const json = parse(text);
  const { key } = json;
  if (typeof key !== "string" || !new RegExp(`^[0-9a-f]{${2 * TOKEN_LENGTH}}$`).test(key)) {
    throw new SyntaxError("key: not a key");
  }
  return {
    id: readId({ id }, "id"),
    name: readName(json, "name"),
    key: Uint8Array.fromHex(key),
    ports: readPorts(json),
    expires: readTime(json, "expires"),
  };
}

/** Formats a server as the text of its file. */
export function formatServer({ name, channels, serverKey, clientKey, client, invitation }: ServerRecord): string {
  return format({
    version: 1,
    name,
    channels: channels.map(formatAddress),
    "server-key": keyLine(serverKey),
    "client-key": keyLine(clientKey),
    client,
    invitation,
  });
}

/** Reads a server from the text of its file. @throws {SyntaxError} As {@linkcode parseClient}. */
export function parseServer(text: string): ServerRecord {
  const json = parse(text);
  return {
    name: readName(json, "name"),
    channels: readChannels(json),
    serverKey: readKey(json, "server-key", "micss-ed25519-public-v1"),
    clientKey: readKey(json, "client-key", "micss-ed25519-v1"),
    client: json["client"] === null ? null : readName(json, "client"),
    invitation: readId(json, "invitation"),
  };
}

/** Formats the addresses of a server's own channels as the text of `addresses.json`. */
export function formatAddresses(channels: readonly Address[]): string {
  return format({ version: 1, channels: channels.map(formatAddress) });
}

/** Reads the addresses of a server's own channels. @throws {SyntaxError} As {@linkcode parseClient}. */
export function parseAddresses(text: string): Address[] {
  return readChannels(parse(text));
}

function format(json: Json): string {
  return `${JSON.stringify(json, null, 2)}\n`;
}

function parse(text: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The message of JSON.parse quotes the text, which may be a secret.
    throw new SyntaxError("not JSON");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new SyntaxError("not a JSON object");
  if ((json as Json)["version"] !== 1) throw new SyntaxError("version: not 1");
  return json as Json;
}

function keyLine(key: KeyText): string {
  return formatKey(key).trimEnd();
}

function readKey(json: Json, field: string, kind: KeyKind): KeyText {
  const text = json[field];
  if (typeof text === "string") {
    const key = parseKey(text);
    if (key.kind === kind) return key;
  }
  throw new SyntaxError(`${field}: not a key of kind ${kind}`);
}

function readPorts({ ports }: Json): readonly number[] | null {
  if (ports === null) return null;
  if (Array.isArray(ports) && ports.length > 0 && ports.length <= 1000 && ports.every(isPort)) return ports;
  throw new SyntaxError("ports: neither null nor a list of ports");
}

function isPort(port: unknown): port is number {
  return Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65535;
}

function readName(json: Json, field: string): string {
  const name = json[field];
  if (typeof name === "string" && isName(name)) return name;
  throw new SyntaxError(`${field}: not a name`);
}

function readId(json: Json, field: string): string {
  const id = json[field];
  if (typeof id === "string" && id.length === 2 * INVITATION_ID_LENGTH && /^[0-9a-f]+$/.test(id)) return id;
  throw new SyntaxError(`${field}: not an invitation's id`);
}

function readTime(json: Json, field: string): number {
  const text = json[field];
  const time = typeof text === "string" && /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) throw new SyntaxError(`${field}: not a time`);
  return time;
}

function readChannels({ channels }: Json): Address[] {
  if (!Array.isArray(channels) || channels.length < MIN_CHANNELS || channels.length > MAX_CHANNELS) {
    throw new SyntaxError(`channels: not a list of ${MIN_CHANNELS} to ${MAX_CHANNELS} addresses`);
  }
  const addresses = channels.map((text: unknown) => {
    const { host, port } = parseAddress(String(text));
    if (!isIp(host) || port === 0) throw new SyntaxError("channels: not an IP address and port");
    return { host: canonicalHost(host), port };
  });
  if (new Set(addresses.map(({ host }) => host)).size < addresses.length) {
    throw new SyntaxError("channels: two at one address");
  }
  return addresses;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
