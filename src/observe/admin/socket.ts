import { reasonOf } from "../../errors/errors.ts";
import type { AdminAddress } from "../../config/admin.ts";
import { formatAddress } from "../../net/address.ts";
import { type Clock, systemClock } from "../../time/clock.ts";
import type { Listener } from "../../net/connection.ts";
import { JoinedListener } from "../../net/system/joined_listener.ts";
import { StartError } from "../../net/listen/listen.ts";
import { listenAddresses } from "../../net/listen/listen_addresses.ts";
import { systemNetwork } from "../../net/system/tcp.ts";
import { ask } from "./ask.ts";
import { RELEASE } from "./guard.ts";
import { type Answer, HttpServer } from "./http.ts";
import { UnixListener } from "./unix_listener.ts";

/** Who else may use a UNIX socket: nobody. */
const PRIVATE = 0o600;

/** How long another handler may take to let go of an address, and the pause between two attempts, in milliseconds. */
const PATIENCE = 2_000, PAUSE = 50;

/** The pause where the other handler need not have been told to end, in milliseconds. */
const LONG_PAUSE = 250;

/** Something that listens. */
export interface Listening {
  /** Where; the real port where 0 was asked for. */
  readonly address: AdminAddress;
  /** Takes no more connections: the address is free, and those under way go on. */
  release(): void;
  /** Does that, and waits until the connections under way have ended. */
  shutdown(): Promise<void>;
}

/**
 * Answers HTTP at an address or a UNIX socket, which is its owner's alone. A handler that has the address and is ending is
 * asked to let it go.
 *
 * @param until Ends the attempts. Default: they end after 2 s.
 * @throws {StartError} When that can't be.
 */
export async function listenAt(
  address: AdminAddress,
  answer: Answer,
  clock: Clock = systemClock,
  until?: AbortSignal,
): Promise<Listening> {
  const last = performance.now() + (until === undefined ? PATIENCE : Infinity);
  for (;;) {
    try {
      return await listenNow(address, answer, clock);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AddrInUse) || performance.now() >= last || until?.aborted) {
        const where = "path" in address ? address.path : formatAddress(address);
        throw new StartError(`admin: can't listen at ${where}: ${reasonOf(cause)}`, { cause });
      }
    }
    // It need not be a handler that listens there, nor one that is ending already.
    await ask(address, RELEASE, "POST").catch(() => {});
    await new Promise<void>((resolve) => setTimeout(resolve, until === undefined ? PAUSE : LONG_PAUSE));
  }
}

async function listenNow(address: AdminAddress, answer: Answer, clock: Clock): Promise<Listening> {
  if ("path" in address) return await listenAtPath(address.path, answer, clock);
  const listeners: Listener[] = [];
  try {
    for (const { host, port } of await listenAddresses(address)) {
      listeners.push(systemNetwork.listen({ host, port: listeners[0]?.address.port ?? port }));
    }
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  const listener = new JoinedListener(listeners);
  const { port } = listener.address;
  return listening(new HttpServer(listener, answer, clock), { ...address, port });
}

function listening(server: HttpServer, address: AdminAddress, released = () => {}): Listening {
  let ended: Promise<void> | undefined;
  const shutdown = () => {
    if (ended === undefined) released();
    return ended ??= server.shutdown();
  };
  return { address, shutdown, release: () => void shutdown() };
}

async function listenAtPath(path: string, answer: Answer, clock: Clock): Promise<Listening> {
  await removeStale(path);
  // Made in a directory that only the owner can enter, so that it is private from the first moment on; Deno does not let
  // the umask be set without every right.
  const directory = await Deno.makeTempDir({ dir: dirname(path), prefix: "." });
  try {
    const made = `${directory}/s`;
    const server = new HttpServer(new UnixListener(Deno.listen({ transport: "unix", path: made })), answer, clock);
    try {
      await Deno.chmod(made, PRIVATE);
      const { ino } = await Deno.lstat(made);
      await Deno.rename(made, path);
      return listening(server, { path }, () => remove(path, ino));
    } catch (error) {
      await server.shutdown();
      throw error;
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function dirname(path: string): string {
  return path.replace(/\/[^/]*$/, "") || "/";
}

/**
 * Removes the socket that a handler has left which ended without a chance to.
 *
 * @throws When somebody listens there, or it is no socket.
 */
async function removeStale(path: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch {
    return;
  }
  if (!info.isSocket) throw new Error("there is a file that is no socket; remove it, or choose another path");
  if (await answers(path)) {
    throw new Deno.errors.AddrInUse("another program listens there; end it or choose another path");
  }
  remove(path);
}

async function answers(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}

/** @param ino The file that it has to be: another handler's socket may have taken its place. Default: any. */
function remove(path: string, ino?: number | null): void {
  try {
    if (ino === undefined || Deno.lstatSync(path).ino === ino) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
