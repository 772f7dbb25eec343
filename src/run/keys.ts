import { quote, UsageError } from "../config/problems.ts";
import type { ClientKey } from "../config/types.ts";
import type { Key } from "../identify/key.ts";
import { KeyFileError, type KeyUse, loadKey } from "../identify/key_file.ts";
import type { ScopedKey } from "../identify/learned.ts";

/**
 * Loads keys from their files.
 *
 * @param place Prefix of messages: "micss server: keys".
 * @throws {UsageError} With a line for each invalid file.
 */
export async function loadKeys(place: string, files: readonly string[], use: KeyUse): Promise<Key[]> {
  const lines: string[] = [];
  const keys = await Promise.all(files.map(async (file) => {
    try {
      return await loadKey(file, use);
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      lines.push(`${place} ${quote(file)}: ${error.message}`);
      return [];
    }
  }));
  if (lines.length > 0) throw new UsageError(lines);
  return keys.flat();
}

/** Loads a client's keys; see {@linkcode loadKeys}. */
export async function loadClientKeys(place: string, configured: readonly ClientKey[]): Promise<ScopedKey[]> {
  const keys = await loadKeys(place, configured.map(({ file }) => file), "verify");
  return configured.map(({ scope }, index) => ({ scope, key: keys[index]! }));
}
