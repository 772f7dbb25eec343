import { parseScope } from "../../../src/config/scope.ts";
import { generateEd25519, generateHmac, importKey, type Key } from "../../../src/identify/key.ts";
import type { ScopedKey } from "../../../src/identify/learned.ts";

/** Names of the methods. */
export type MethodName = "hmac" | "ed25519";

/** A key in its server's form and its clients' form. */
export interface Pair {
  readonly server: Key;
  readonly client: Key;
}

/** Generates a key. */
export async function makeKey(method: MethodName = "ed25519"): Promise<Pair> {
  if (method === "hmac") {
    const key = await importKey(generateHmac(""));
    return { server: key, client: key };
  }
  const { secret, open } = await generateEd25519("");
  return { server: await importKey(secret), client: await importKey(open) };
}

/** Keys for an address, a network or a name. */
export function scoped(of: string, ...keys: readonly Pair[]): ScopedKey[] {
  return keys.map(({ client }) => ({ scope: parseScope(of), key: client }));
}
