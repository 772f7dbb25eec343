import { environment } from "../config/environment.ts";

/**
 * State directory of this process: that of its service manager, or else of its user.
 *
 * @throws {UsageError} If the environment names a directory that is not UTF-8.
 */
export function systemStateDirectory(): string {
  return defaultStateDirectory(environment, Deno.uid());
}

/** Reports whether a state directory is given by a setting or the service manager, rather than just the user's. */
export function isStateConfigured(setting: string | undefined): boolean {
  return setting !== undefined || environment("STATE_DIRECTORY") !== undefined;
}

/** Default state directory of a user; `uid` 0 is root. */
export function defaultStateDirectory(env: (name: string) => string | undefined, uid: number | null): string {
  const [first] = env("STATE_DIRECTORY")?.split(":") ?? [];
  if (first?.startsWith("/")) return first;
  const state = env("XDG_STATE_HOME"), home = env("HOME");
  if (state?.startsWith("/")) return `${state}/micss`;
  return uid === 0 || home === undefined ? "/var/lib/micss" : `${home}/.local/state/micss`;
}
