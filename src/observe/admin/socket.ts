import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../../errors/errors.ts";
import type { AdminAddress } from "../../config/admin.ts";
import { type Clock, systemClock } from "../../time/clock.ts";
import type { Listener } from "../../net/connection.ts";
import { JoinedListener } from "../../net/system/joined_listener.ts";
import { listenError, StartError } from "../../net/listen/listen.ts";
import { listenAddresses } from "../../net/listen/listen_addresses.ts";
import { systemNetwork } from "../../net/system/tcp.ts";
import { ask } from "./ask.ts";
import { RELEASE } from "./guard.ts";
import { type Answer, HttpServer } from "./http.ts";
import { UnixListener } from "./unix_listener.ts";

/** Mode of UNIX sockets: for the owner only. */
const PRIVATE = 0o600;

/** Maximum wait for another handler to release the address, and the interval between attempts, in milliseconds. */
const RELEASE_TIMEOUT = 2_000, RETRY_INTERVAL = 50;

/** Interval between attempts without a time limit, when the other handler may not be ending yet, in milliseconds. */
const LONG_RETRY_INTERVAL = 250;

/** A server at an admin address. */
export interface Listening {
  /** Its address; the assigned port if 0 was requested. */
  readonly address: AdminAddress;
  /** Stops listening, which frees the address; open connections continue. */
  release(): void;
  /** Stops listening, and waits until open connections have ended. */
  shutdown(): Promise<void>;
}

/**
 * Serves HTTP at an address, or at a UNIX socket that only its owner can use. Asks a handler that has the address and is
 * ending to release it.
 *
 * @param until Ends the attempts. Default: after 2 s.
 * @throws {StartError} If it can't listen.
 */
export async function listenAt(
  address: AdminAddress,
  answer: Answer,
  clock: Clock = systemClock,
  until?: AbortSignal,
): Promise<Listening> {
  const [timeout, interval] = until === undefined ? [RELEASE_TIMEOUT, RETRY_INTERVAL] : [Infinity, LONG_RETRY_INTERVAL];
  const last = performance.now() + timeout;
  for (;;) {
    try {
      return await listenNow(address, answer, clock);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AddrInUse) || performance.now() >= last || until?.aborted) {
        const { message } = "path" in address
          ? new StartError(`can't listen at ${address.path}: ${reasonOf(cause)}`)
          : listenError(address, [], cause);
        throw new StartError(`admin: ${message}`, { cause });
      }
    }
    // Another program may listen there, or a handler that is not ending.
    await ask(address, RELEASE, "POST").catch(() => {});
    // Unlike a clock's timers, this one keeps the process alive.
    await sleep(interval);
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
  // Made in a directory that only the owner can enter, so that it is private from the start: setting the umask would take
  // all of Deno's permissions.
  const directory = await Deno.makeTempDir({ dir: dirname(path), prefix: "." });
  try {
    const temporary = `${directory}/s`;
    const server = new HttpServer(
      new UnixListener(Deno.listen({ transport: "unix", path: temporary })),
      answer,
      clock,
    );
    try {
      await Deno.chmod(temporary, PRIVATE);
      const { ino } = await Deno.lstat(temporary);
      await Deno.rename(temporary, path);
      return listening(server, { path }, () => remove(path, ino));
    } catch (error) {
      await server.shutdown();
      throw error;
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/**
 * Removes a socket left behind by a handler that was killed.
 *
 * @throws {Error} If a program listens there, or the file is not a socket.
 */
async function removeStale(path: string): Promise<void> {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch {
    return;
  }
  if (!info.isSocket) throw new Error("a file that is not a socket is in the way; remove it or choose another path");
  if (await answers(path)) {
    throw new Deno.errors.AddrInUse("another program listens there; stop it or choose another path");
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

/** @param ino Inode to remove: another handler's socket may have replaced it. Default: any. */
function remove(path: string, ino?: number | null): void {
  try {
    if (ino === undefined || Deno.lstatSync(path).ino === ino) Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
