import { KEY_ID_LENGTH, Method } from "../wire/identify.ts";

/** Contents of a key file. */
export interface KeyText {
  /** Kind of key; the halves of a pair have different kinds. */
  readonly kind: KeyKind;
  /** 32 bytes: the secret, the private half's seed, or the public half. */
  readonly material: Uint8Array<ArrayBuffer>;
  /** Comment of the owner. */
  readonly comment: string;
}

/** Kinds of keys, by the first word of their files. */
export type KeyKind = "micss-hmac-v1" | "micss-ed25519-v1" | "micss-ed25519-public-v1";

const KINDS: readonly string[] = ["micss-hmac-v1", "micss-ed25519-v1", "micss-ed25519-public-v1"];
const MATERIAL_LENGTH = 32;
const ID_CONTEXT = new TextEncoder().encode("MICSS/2 key id\0");
/** Prefix of every Ed25519 private key in PKCS #8 (RFC 8410), before the seed. */
const PKCS8_HEAD = Uint8Array.fromHex("302e020100300506032b657004220420");

/** A server handler's key as held by one side. The key material can't be read back. */
export interface Key {
  /** SHA-256 over the key and its method: 32 bytes, not secret. */
  readonly hash: Uint8Array<ArrayBuffer>;
  /** Identifies the key on the wire and in logs: the first 8 bytes of its hash. */
  readonly id: Uint8Array<ArrayBuffer>;
  /** Method of authentication. */
  readonly method: Method;
  /** Makes a token; missing from a public half. */
  readonly sign?: (transcript: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;
  /** Verifies a transcript's token in constant time. Missing from a private half. */
  readonly verify?: (transcript: Uint8Array<ArrayBuffer>, token: Uint8Array<ArrayBuffer>) => Promise<boolean>;
}

/**
 * Reads a key's text: one line, `KIND BASE64 COMMENT`, the comment optional. White space around it, such as an editor or
 * a secret store leaves, does not matter.
 *
 * @throws {SyntaxError} If it is not a key; the message contains no part of it.
 */
export function parseKey(text: string): KeyText {
  const match = /^(\S+)[ \t]+(\S+)(?:[ \t]+([^\r\n]*))?$/.exec(text.trim());
  if (match === null || !KINDS.includes(match[1]!)) throw new SyntaxError("not a micss key");
  return { kind: match[1] as KeyKind, material: parseMaterial(match[2]!), comment: match[3] ?? "" };
}

function parseMaterial(text: string): Uint8Array<ArrayBuffer> {
  try {
    const material = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    if (material.length === MATERIAL_LENGTH) return material;
  } catch {
    // The error's own message may contain part of the secret.
  }
  throw new SyntaxError("the key is truncated or altered");
}

/** Formats a key for {@linkcode parseKey}, with a newline. */
export function formatKey({ kind, material, comment }: KeyText): string {
  return `${[kind, material.toBase64(), ...comment === "" ? [] : [comment]].join(" ")}\n`;
}

/** Creates a secret of 32 bytes from the CSPRNG. */
export function generateHmac(comment: string): KeyText {
  const material = crypto.getRandomValues(new Uint8Array(MATERIAL_LENGTH));
  return { kind: "micss-hmac-v1", material, comment };
}

/** Creates a pair of Ed25519 keys. */
export async function generateEd25519(comment: string): Promise<{ secret: KeyText; open: KeyText }> {
  const material = crypto.getRandomValues(new Uint8Array(MATERIAL_LENGTH));
  const { raw } = await importPrivate(material);
  return {
    secret: { kind: "micss-ed25519-v1", material, comment },
    open: { kind: "micss-ed25519-public-v1", material: raw, comment },
  };
}

/** Derives the public half of a private Ed25519 key. */
export async function publicHalf({ material, comment }: KeyText): Promise<KeyText> {
  return { kind: "micss-ed25519-public-v1", material: (await importPrivate(material)).raw, comment };
}

/** Imports a key for use. */
export async function importKey({ kind, material }: KeyText): Promise<Key> {
  switch (kind) {
    case "micss-hmac-v1":
      return await hmacKey(material);
    case "micss-ed25519-v1": {
      const { key, raw } = await importPrivate(material);
      return {
        ...await hashOf(Method.Ed25519, raw),
        method: Method.Ed25519,
        sign: async (transcript) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, transcript)),
      };
    }
    case "micss-ed25519-public-v1": {
      const key = await crypto.subtle.importKey("raw", material, "Ed25519", false, ["verify"]);
      return {
        ...await hashOf(Method.Ed25519, material),
        method: Method.Ed25519,
        verify: (transcript, token) => crypto.subtle.verify("Ed25519", key, token, transcript),
      };
    }
  }
}

async function hmacKey(material: Uint8Array<ArrayBuffer>): Promise<Key> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", material, algorithm, false, ["sign", "verify"]);
  return {
    ...await hashOf(Method.HmacSha256, material),
    method: Method.HmacSha256,
    sign: async (transcript) => new Uint8Array(await crypto.subtle.sign("HMAC", key, transcript)),
    verify: (transcript, token) => crypto.subtle.verify("HMAC", key, token, transcript),
  };
}

/** Imports a private half, and derives its public half. */
async function importPrivate(seed: Uint8Array): Promise<{ key: CryptoKey; raw: Uint8Array<ArrayBuffer> }> {
  const pkcs8 = Uint8Array.from([...PKCS8_HEAD, ...seed]);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x = "" } = await crypto.subtle.exportKey("jwk", key);
  return { key, raw: Uint8Array.fromBase64(x, { alphabet: "base64url" }) };
}

/** The hash and id of a key: SHA-256 over a context, the method, and the 256-bit secret or the public half. */
export async function hashOf(method: Method, material: Uint8Array): Promise<Pick<Key, "hash" | "id">> {
  const hash = new Uint8Array(
    await crypto.subtle.digest("SHA-256", Uint8Array.from([...ID_CONTEXT, method, ...material])),
  );
  return { hash, id: hash.slice(0, KEY_ID_LENGTH) };
}
