import type { Address } from "../net/address.ts";
import type { Connection } from "../net/connection.ts";

/** Takes the place of a channel's connection before there is one: it brings nothing and takes nothing. */
export class NoConnection implements Connection {
  readonly local: Address;
  readonly remote: Address;

  /** @param address The channel's address at the server handler. */
  constructor(address: Address) {
    this.local = this.remote = address;
  }

  read(): Promise<null> {
    return Promise.resolve(null);
  }

  write(): Promise<number> {
    return Promise.reject(new Deno.errors.NotConnected("not connected yet"));
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}

  reset(): void {}
}
