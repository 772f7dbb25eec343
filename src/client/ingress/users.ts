import { createHash, timingSafeEqual } from "node:crypto";

/** The longest user name and the longest password, in bytes (RFC 1929). */
const MAX_BYTES = 255;

/** Who may use a way in. The passwords themselves are not kept. */
export class Users {
  readonly #digests: readonly Uint8Array[];

  /**
   * Reads lines `user:password` in UTF-8; everything after the first colon is the password. Empty lines, and those that
   * begin with `#`, are left out.
   *
   * @throws {SyntaxError} For the first line that is wrong, by its number, or when there is no user. The message has no
   * part of a line.
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
      if (digests.has(name)) throw new SyntaxError(`line ${index + 1} has a user that is there already`);
      digests.set(name, digest(user!, password!));
    }
    if (digests.size === 0) throw new SyntaxError("no user; write lines user:password");
    this.#digests = [...digests.values()];
  }

  /** Whether both know the same users by the same passwords. */
  equals(other: Users | undefined): boolean {
    const all = (users: Users) => users.#digests.map((digest) => digest.toHex()).sort().join();
    return other !== undefined && all(this) === all(other);
  }

  /** Whether a user has that password. Takes the same time whoever asks, and whatever is wrong. */
  knows(user: Uint8Array, password: Uint8Array): boolean {
    const asked = digest(user, password);
    let known = false;
    for (const digest of this.#digests) {
      if (timingSafeEqual(digest, asked)) known = true;
    }
    return known;
  }
}

/** The user's length tells where it ends; both fit into what a way in reads, which is far less than 64 KiB. */
function digest(user: Uint8Array, password: Uint8Array): Uint8Array {
  const length = Uint8Array.of(user.length >> 8, user.length);
  return createHash("sha256").update(length).update(user).update(password).digest();
}
