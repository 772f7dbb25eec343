import { type FileRights, isPrivate } from "../config/private.ts";
import { readSource } from "../config/source.ts";
import { formatKey, generateEd25519, generateHmac, importKey, type Key, type KeyText, parseKey } from "./key.ts";

/** The longest text of a key's file, in bytes. */
const MOST_TEXT = 1024;

/** A key's file can't be used; the message is "what is wrong; what would be right". */
export class KeyFileError extends Error {
  /** Tells the class in a stack trace. */
  override name = "KeyFileError";

  /**
   * An error about a file.
   *
   * @param path As a person gave it.
   * @param message Without the path.
   */
  constructor(readonly path: string, message: string) {
    super(message);
  }
}

/** What a key is needed for: the server makes tokens, the client verifies them. */
export type KeyUse = "sign" | "verify";

/**
 * Reads a key from its file.
 *
 * @throws {KeyFileError} When it can't be read, others can read a secret or write any key, it is no key, or it is the
 * wrong half for that use.
 */
export async function loadKey(path: string, use: KeyUse): Promise<Key> {
  const text = readText(path);
  if (text.kind === "micss-ed25519-v1" && use === "verify") {
    throw new KeyFileError(path, "the private half, which is the server's alone; give the public one, FILE.pub");
  }
  if (text.kind === "micss-ed25519-public-v1" && use === "sign") {
    throw new KeyFileError(path, "the public half, which is for clients; give the private one");
  }
  return await importKey(text).catch(() => {
    throw new KeyFileError(path, "a key that was cut or altered; make one with micss keygen");
  });
}

function readText(path: string): KeyText {
  let text: string, rights: FileRights;
  try {
    const source = readSource(path, MOST_TEXT);
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
    throw new KeyFileError(path, `a secret that others than its owner can get at; chmod 600 ${path}`);
  }
  if (((rights.mode ?? 0) & 0o022) !== 0) {
    throw new KeyFileError(path, `a key that others than its owner can write; chmod go-w ${path}`);
  }
}

/**
 * Makes a key and writes it to a new file that only its owner can read; of a pair the public half goes to `PATH.pub`.
 *
 * @returns The key's id, and the files.
 * @throws {KeyFileError} When a file is there already, or can't be written. Nothing is left behind then.
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
      throw new KeyFileError(path, "there already, and no key is overwritten; give another --out");
    }
    throw new KeyFileError(path, explain(error));
  }
}

function explain(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such file or directory; give the path of a key's file";
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "permission denied; let this user, and Deno, at it";
  }
  return `${error instanceof Error ? error.message.replace(/ \(os error \d+\).*$/, "") : error}; give a key's file`;
}
