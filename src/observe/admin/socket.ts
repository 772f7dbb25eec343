import { reasonOf } from "../../association/association.ts";
import type { AdminAddress } from "../../config/admin.ts";
import { formatAddress } from "../../net/address.ts";
import { StartError } from "../../net/listen.ts";

/** Who else may use a UNIX socket: nobody. */
const PRIVATE = 0o600;

/** Something that listens. */
export interface Listening {
  /** Answers requests until it is shut down; then the UNIX socket's file is gone, too. */
  readonly server: { shutdown(): Promise<void> };
  /** Where; the real port where 0 was asked for. */
  readonly address: AdminAddress;
}

/**
 * Answers HTTP at an address or a UNIX socket, which is its owner's alone.
 *
 * @throws {StartError} When that can't be.
 */
export async function listenAt(
  address: AdminAddress,
  answer: (request: Request) => Promise<Response>,
): Promise<Listening> {
  // Whatever goes wrong with one request is no reason to say anything.
  const options = { onListen: () => {}, onError: () => new Response(null, { status: 500 }) };
  try {
    if ("path" in address) return await listenAtPath(address.path, options, answer);
    const { host, port } = address;
    const server = Deno.serve({ ...options, hostname: host, port }, answer);
    return { server, address: { host, port: server.addr.port } };
  } catch (cause) {
    const where = "path" in address ? address.path : formatAddress(address);
    throw new StartError(`admin: can't listen at ${where}: ${reasonOf(cause)}`, { cause });
  }
}

async function listenAtPath(
  path: string,
  options: { onListen(): void; onError(): Response },
  answer: (request: Request) => Promise<Response>,
): Promise<Listening> {
  await removeStale(path);
  // Made where nobody else may go, so that it is its owner's alone from the first moment on; Deno does not let the umask be
  // set without every right.
  const directory = await Deno.makeTempDir({ dir: dirname(path), prefix: "." });
  try {
    const made = `${directory}/s`;
    const server = Deno.serve({ ...options, path: made }, answer);
    try {
      await Deno.chmod(made, PRIVATE);
      await Deno.rename(made, path);
    } catch (error) {
      await server.shutdown();
      throw error;
    }
    const shutdown = async () => {
      await server.shutdown();
      remove(path);
    };
    return { server: { shutdown }, address: { path } };
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
  if (await answers(path)) throw new Error("another program listens there; end it or choose another path");
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

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
