/** This process's user; null if unknown. */
export function ownUid(): number | null {
  try {
    return Deno.uid();
  } catch {
    return null;
  }
}
