import { KEY_ID_LENGTH, Method } from "../wire/identify.ts";

/** What a key's file holds. */
export interface KeyText {
  /** Which kind of key it is; a pair's halves are two. */
  readonly kind: KeyKind;
  /** 32 bytes: the secret, the private half's seed, or the public half. */
  readonly material: Uint8Array<ArrayBuffer>;
  /** What its owner calls it. */
  readonly comment: string;
}

/** The kinds of keys, by the word that their files begin with. */
export type KeyKind = "micss-hmac-v1" | "micss-ed25519-v1" | "micss-ed25519-public-v1";

const KINDS: readonly string[] = ["micss-hmac-v1", "micss-ed25519-v1", "micss-ed25519-public-v1"];
const MATERIAL_LENGTH = 32;
const ID_CONTEXT = new TextEncoder().encode("MICSS/1 key id\0");
/** The beginning of every Ed25519 private key in PKCS #8 (RFC 8410); the seed is the rest. */
const PKCS8_HEAD = Uint8Array.fromHex("302e020100300506032b657004220420");

/** One key of a server handler's, as one side has it. The material itself can't be read back. */
export interface Key {
  /** Tells keys apart on the wire and in logs: 8 bytes, no secret. */
  readonly id: Uint8Array<ArrayBuffer>;
  /** What it does. */
  readonly method: Method;
  /** Makes a token; absent in a public half. */
  readonly sign?: (transcript: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;
  /** Whether a token is that of a transcript; takes the same time whichever byte is wrong. Absent in a private half. */
  readonly verify?: (transcript: Uint8Array<ArrayBuffer>, token: Uint8Array<ArrayBuffer>) => Promise<boolean>;
}

/**
 * Reads a key's text: one line, `KIND BASE64 COMMENT`, the comment optional. White space around it, such as an editor or
 * a secret store leaves, does not matter.
 *
 * @throws {SyntaxError} When it is none; the message has no part of it.
 */
export function parseKey(text: string): KeyText {
  const match = /^(\S+)[ \t]+(\S+)(?:[ \t]+([^\r\n]*))?$/.exec(text.trim());
  if (match === null || !KINDS.includes(match[1]!)) throw new SyntaxError("no key of micss");
  return { kind: match[1] as KeyKind, material: parseMaterial(match[2]!), comment: match[3] ?? "" };
}

function parseMaterial(text: string): Uint8Array<ArrayBuffer> {
  try {
    const material = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    if (material.length === MATERIAL_LENGTH) return material;
  } catch {
    // The error's own message may have a part of the secret.
  }
  throw new SyntaxError("a key that was cut or altered");
}

/** Writes a key's text as {@linkcode parseKey} reads it, with a newline. */
export function formatKey({ kind, material, comment }: KeyText): string {
  return `${[kind, material.toBase64(), ...comment === "" ? [] : [comment]].join(" ")}\n`;
}

/** Makes a new secret of 32 bytes from the CSPRNG. */
export function generateHmac(comment: string): KeyText {
  const material = crypto.getRandomValues(new Uint8Array(MATERIAL_LENGTH));
  return { kind: "micss-hmac-v1", material, comment };
}

/** Makes a new pair of Ed25519 keys. */
export async function generateEd25519(comment: string): Promise<{ secret: KeyText; open: KeyText }> {
  const material = crypto.getRandomValues(new Uint8Array(MATERIAL_LENGTH));
  const { raw } = await importPrivate(material);
  return {
    secret: { kind: "micss-ed25519-v1", material, comment },
    open: { kind: "micss-ed25519-public-v1", material: raw, comment },
  };
}

/** Makes a key ready for use. */
export async function importKey({ kind, material }: KeyText): Promise<Key> {
  switch (kind) {
    case "micss-hmac-v1":
      return await hmacKey(material);
    case "micss-ed25519-v1": {
      const { key, raw } = await importPrivate(material);
      return {
        id: await idOf(Method.Ed25519, raw),
        method: Method.Ed25519,
        sign: async (transcript) => new Uint8Array(await crypto.subtle.sign("Ed25519", key, transcript)),
      };
    }
    case "micss-ed25519-public-v1": {
      const key = await crypto.subtle.importKey("raw", material, "Ed25519", false, ["verify"]);
      return {
        id: await idOf(Method.Ed25519, material),
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
    id: await idOf(Method.HmacSha256, material),
    method: Method.HmacSha256,
    sign: async (transcript) => new Uint8Array(await crypto.subtle.sign("HMAC", key, transcript)),
    verify: (transcript, token) => crypto.subtle.verify("HMAC", key, token, transcript),
  };
}

/** A private half, and the public one that belongs to it. */
async function importPrivate(seed: Uint8Array): Promise<{ key: CryptoKey; raw: Uint8Array<ArrayBuffer> }> {
  const pkcs8 = Uint8Array.from([...PKCS8_HEAD, ...seed]);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x = "" } = await crypto.subtle.exportKey("jwk", key);
  return { key, raw: Uint8Array.fromBase64(x, { alphabet: "base64url" }) };
}

/** The first 8 bytes of SHA-256 over a context, the method, and the secret of 256 bits or the public half. */
async function idOf(method: Method, material: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const hash = await crypto.subtle.digest("SHA-256", Uint8Array.from([...ID_CONTEXT, method, ...material]));
  return new Uint8Array(hash, 0, KEY_ID_LENGTH).slice();
}
