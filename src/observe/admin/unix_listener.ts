import { acceptLive } from "../../net/system/accept.ts";
import type { Accepting } from "../../net/listen/accept_loop.ts";
import type { Stream } from "./http.ts";

/** Listens at a UNIX socket. */
export class UnixListener implements Accepting<Stream> {
  readonly #listener: Deno.UnixListener;
  #closed = false;

  /** Takes ownership of Deno's listener. */
  constructor(listener: Deno.UnixListener) {
    this.#listener = listener;
  }

  accept(): Promise<Stream | null> {
    return acceptLive(async () => streamOf(await this.#listener.accept()), () => this.#closed);
  }

  /** Stops listening. Connections accepted before are untouched. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
  }
}

/** Makes it harmless to close a connection more than once. */
function streamOf(connection: Deno.UnixConn): Stream {
  let closed = false;
  return {
    read: (into) => connection.read(into),
    write: (bytes) => connection.write(bytes),
    closeWrite: () => connection.closeWrite(),
    close() {
      if (!closed) connection.close();
      closed = true;
    },
  };
}
