import { createHash, timingSafeEqual } from "node:crypto";

/** Maximum length of a user name or password, in bytes (RFC 1929). */
const MAX_BYTES = 255;

/** Users and their passwords, which are kept only as digests. */
export class Users {
  readonly #digests: readonly Uint8Array[];

  /**
   * Parses lines `user:password` in UTF-8; everything after the first colon is the password. Ignores empty lines and lines
   * that begin with `#`.
   *
   * @throws {SyntaxError} If a line is invalid, with its number, or there are no users. The message quotes no line.
   */
  constructor(text: string) {
    const encoder = new TextEncoder();
    const digests = new Map<string, Uint8Array>();
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      if (line === "" || line.startsWith("#")) continue;
      const colon = line.indexOf(":");
      if (colon < 0) throw new SyntaxError(`line ${index + 1} has no colon; write user:password`);
      const [user, password] = [line.slice(0, colon), line.slice(colon + 1)].map((part) => encoder.encode(part));
      for (const [what, { length }] of [["user", user!], ["password", password!]] as const) {
        if (length >= 1 && length <= MAX_BYTES) continue;
        throw new SyntaxError(`line ${index + 1} has a ${what} of ${length} bytes; write 1 to ${MAX_BYTES}`);
      }
      const name = line.slice(0, colon);
      if (digests.has(name)) throw new SyntaxError(`line ${index + 1} repeats a user; give each user once`);
      digests.set(name, digest(user!, password!));
    }
    if (digests.size === 0) throw new SyntaxError("no user; write lines user:password");
    this.#digests = [...digests.values()];
  }

  /** True if both have the same users and passwords. */
  equals(other: Users | undefined): boolean {
    const all = (users: Users) => users.#digests.map((digest) => digest.toHex()).sort().join();
    return other !== undefined && all(this) === all(other);
  }

  /** Verifies a user's password. Takes the same time for every user and error. */
  verify(user: Uint8Array, password: Uint8Array): boolean {
    const claimed = digest(user, password);
    let correct = false;
    for (const digest of this.#digests) {
      if (timingSafeEqual(digest, claimed)) correct = true;
    }
    return correct;
  }
}

/** The length prefix separates user and password; both are shorter than 64 KiB. */
function digest(user: Uint8Array, password: Uint8Array): Uint8Array {
  const length = Uint8Array.of(user.length >> 8, user.length);
  return createHash("sha256").update(length).update(user).update(password).digest();
}
