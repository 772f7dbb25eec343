/** Resolves a host name to its addresses, best first. @throws The system's error. */
export type Resolve = (name: string) => Promise<readonly string[]>;
