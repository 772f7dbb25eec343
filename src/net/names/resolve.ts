/** Finds the addresses of a host name, best first. @throws What the system reports. */
export type Resolve = (name: string) => Promise<readonly string[]>;
