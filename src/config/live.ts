/**
 * What `current` returns, looked at anew for each property that is read: so a configuration that is replaced as a whole
 * takes hold of whoever keeps this object. Read its properties; spread or listed it has none.
 */
export function live<T extends object>(current: () => T): T {
  return new Proxy({} as T, { get: (_, property) => Reflect.get(current(), property) });
}
