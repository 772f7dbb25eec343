import type { IngressUsers } from "../client/ingress/protocols.ts";
import { Users } from "../client/ingress/users.ts";
import { FileError, type ReadFile } from "../config/file.ts";
import { quote, UsageError } from "../config/problems.ts";
import type { ClientConfig } from "../config/types.ts";

/**
 * Reads the files of users for SOCKS5 and HTTP CONNECT.
 *
 * @param read Reads such a file.
 * @param placeOf Tells where a configuration key was written, for messages.
 * @throws {UsageError} With a line for each invalid file.
 */
export function readIngressUsers(
  config: ClientConfig,
  read: ReadFile,
  placeOf: (key: string) => string = (key) => `micss client: ${key}`,
): IngressUsers {
  const lines: string[] = [];
  const users = (key: string, path: string | undefined): Users | undefined => {
    if (path === undefined) return undefined;
    try {
      return new Users(read(path));
    } catch (error) {
      if (!(error instanceof FileError || error instanceof SyntaxError)) throw error;
      lines.push(`${placeOf(key)} ${quote(path)}: ${error.message}`);
      return undefined;
    }
  };
  const socks5 = users("socks5-users", config.socks5Users);
  const httpConnect = users("http-connect-users", config.httpConnectUsers);
  if (lines.length > 0) throw new UsageError(lines);
  return { ...socks5 !== undefined && { socks5 }, ...httpConnect !== undefined && { httpConnect } };
}
