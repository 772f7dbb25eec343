import { reasonOf } from "../errors/errors.ts";
import type { AdminAddress } from "../config/admin.ts";
import { type KeyUse, loadKey } from "../identify/key_file.ts";
import { Admin, formatAdmin } from "../observe/admin/admin.ts";
import type { Check } from "../observe/readiness.ts";
import type { Log } from "../log/log.ts";
import type { Recent } from "../log/recent.ts";
import type { View } from "../observe/view.ts";
import { systemClock } from "../time/clock.ts";
import { isLoopback } from "../net/ip.ts";
import type { Handler } from "./program.ts";
import { VERSION } from "./version.ts";

/** A handler that can be looked at. */
export interface Administered {
  /** It runs already. */
  readonly handler: Handler;
  /** What can be seen of it. */
  readonly view: () => View;
  /** What has to be in place for new sessions. */
  readonly checks: () => readonly Check[];
}

/**
 * Lets a handler be looked at, for as long as it is there.
 *
 * @param address Where; undefined for nowhere.
 * @param replace Whether to wait for as long as it takes, without holding the handler up, until a handler that is there
 * lets the address go.
 * @returns The handler, to be run in its place: its end is the end of both.
 * @throws {StartError} When it can't be looked at there.
 */
export async function withAdmin(
  address: AdminAddress | undefined,
  { handler, view, checks }: Administered,
  recent: Recent,
  log: Log,
  replace = false,
): Promise<Handler> {
  if (address === undefined) return handler;
  const giveUp = new AbortController();
  const options = { view, checks, recent, version: VERSION, clock: systemClock };
  const starting = Admin.start(address, options, replace ? giveUp.signal : undefined);
  let ending = false, admin: Admin | undefined;
  const started = starting.then((started) => {
    admin = started;
    if (ending) admin.ending();
    log.info("admin", { at: formatAdmin(admin.address) });
  });
  if (replace) started.catch((error) => giveUp.signal.aborted || log.error("no admin", { reason: reasonOf(error) }));
  else await started;
  if ("host" in address && address.host !== "localhost" && !isLoopback(address.host)) {
    log.warn("admin not on loopback", {
      at: formatAdmin(address),
      reason: "who reaches it may look at everything",
    });
  }
  return {
    stopListening() {
      ending = true;
      admin?.ending();
      handler.stopListening();
    },
    idle: () => handler.idle(),
    async close() {
      await handler.close();
      giveUp.abort();
      await admin?.close();
    },
  };
}

/** Whether two configured addresses are the same. */
export function sameAdmin(one: AdminAddress | undefined, other: AdminAddress | undefined): boolean {
  return (one && formatAdmin(one)) === (other && formatAdmin(other));
}

/** Whether a key can still be read. A handler has read it, but could not start again, nor reload, without. */
export function keyCheck(file: string, use: KeyUse): Check {
  return { name: `key ${file}`, need: "none", run: async () => void await loadKey(file, use) };
}
