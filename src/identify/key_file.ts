import { MicssError } from "../errors/errors.ts";
import { type FileRights, isPrivate } from "../net/private_file.ts";
import { readSource } from "../config/source.ts";
import { formatKey, generateEd25519, generateHmac, importKey, type Key, type KeyText, parseKey } from "./key.ts";

/** Maximum length of a key file in bytes. */
const MAX_TEXT = 1024;

/** A key file can't be used. Message: "what is wrong; what would be right". */
export class KeyFileError extends MicssError {
  /**
   * Creates an error about a file.
   *
   * @param path As given by the user.
   * @param message Without the path.
   */
  constructor(readonly path: string, message: string) {
    super(message);
  }
}

/** Purpose of a key: the server signs tokens, the client verifies them. */
export type KeyUse = "sign" | "verify";

/**
 * Reads a key from its file.
 *
 * @throws {KeyFileError} If it can't be read, other users can read a secret or write any key, it is not a key, or it is the
 * wrong half for its use.
 */
export async function loadKey(path: string, use: KeyUse): Promise<Key> {
  const text = readText(path);
  if (text.kind === "micss-ed25519-v1" && use === "verify") {
    throw new KeyFileError(path, "the private half, which only its owner has; give the public half, FILE.pub");
  }
  if (text.kind === "micss-ed25519-public-v1" && use === "sign") {
    throw new KeyFileError(path, "the public half, which proves nothing; give the private half");
  }
  return await importKey(text).catch(() => {
    throw new KeyFileError(path, "the key is truncated or altered; make one with micss keygen");
  });
}

function readText(path: string): KeyText {
  let text: string, rights: FileRights;
  try {
    const source = readSource(path, MAX_TEXT);
    rights = source.rights;
    text = new TextDecoder().decode(source.bytes);
  } catch (error) {
    throw new KeyFileError(path, explain(error));
  }
  let key: KeyText;
  try {
    key = parseKey(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new KeyFileError(path, `${error.message}; make one with micss keygen`);
  }
  checkRights(path, rights, key.kind !== "micss-ed25519-public-v1");
  return key;
}

function checkRights(path: string, rights: FileRights, secret: boolean): void {
  if (secret && !isPrivate(rights)) {
    throw new KeyFileError(path, `a secret that users other than its owner can access; chmod 600 ${path}`);
  }
  if (((rights.mode ?? 0) & 0o022) !== 0) {
    throw new KeyFileError(path, `a key that users other than its owner can write; chmod go-w ${path}`);
  }
}

/**
 * Creates a key in a new file that only its owner can read; the public half of a pair goes to `PATH.pub`.
 *
 * @returns The key's id, and the files.
 * @throws {KeyFileError} If a file exists or can't be written; leaves nothing behind.
 */
export async function createKey(
  method: "hmac" | "ed25519",
  path: string,
  comment: string,
): Promise<{ id: Uint8Array; files: string[] }> {
  if (method === "hmac") {
    const secret = generateHmac(comment);
    writeNew(path, formatKey(secret), 0o600);
    return { id: (await importKey(secret)).id, files: [path] };
  }
  const { secret, open } = await generateEd25519(comment);
  writeNew(path, formatKey(secret), 0o600);
  try {
    writeNew(`${path}.pub`, formatKey(open), 0o644);
  } catch (error) {
    Deno.removeSync(path);
    throw error;
  }
  return { id: (await importKey(secret)).id, files: [path, `${path}.pub`] };
}

function writeNew(path: string, text: string, mode: number): void {
  let made = false;
  try {
    using file = Deno.openSync(path, { createNew: true, write: true, mode });
    made = true;
    file.writeSync(new TextEncoder().encode(text));
    file.syncSync();
  } catch (error) {
    if (made) Deno.removeSync(path);
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new KeyFileError(path, "exists, and keys are never overwritten; give another --out");
    }
    throw new KeyFileError(path, explain(error));
  }
}

function explain(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file or directory; give the path of a key's file";
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "permission denied; grant access to this user, and to Deno";
  }
  return `${error instanceof Error ? error.message.replace(/ \(os error \d+\).*$/, "") : error}; give a key's file`;
}
