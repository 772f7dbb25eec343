import { ownUid } from "./own_uid.ts";

/** The access rights of a file, as in `Deno.FileInfo`. */
export interface FileRights {
  /** Permission bits, as in stat(2). */
  readonly mode: number | null;
  /** Owner. */
  readonly uid: number | null;
}

/**
 * Reports whether a file is safe for a secret: only its owner has access. A file of root may be readable by its group unless
 * this process is root, since Kubernetes and systemd pass secrets to other processes that way. True on systems without
 * such rights.
 *
 * @param own Returns this process's user.
 */
export function isPrivate({ mode, uid }: FileRights, own: () => number | null = ownUid): boolean {
  if (mode === null || (mode & 0o077) === 0) return true;
  return (mode & 0o037) === 0 && uid === 0 && (own() ?? 0) !== 0;
}
