/** What {@linkcode isPrivate} looks at. */
export interface FileRights {
  /** Who may do what, as stat(2) has it. */
  readonly mode: number | null;
  /** Whose it is. */
  readonly uid: number | null;
}

/**
 * Whether a secret in a file is kept: others than its owner have no right to it. Of a file of root's a group may read,
 * unless this process is root: that is how Kubernetes and systemd hand a secret to a process that is not. Where the system
 * has no such rights, it is.
 *
 * @param own Tells this process's user.
 */
export function isPrivate({ mode, uid }: FileRights, own: () => number | null = ownUid): boolean {
  if (mode === null || (mode & 0o077) === 0) return true;
  return (mode & 0o037) === 0 && uid === 0 && (own() ?? 0) !== 0;
}

function ownUid(): number | null {
  try {
    return Deno.uid();
  } catch {
    return null;
  }
}
