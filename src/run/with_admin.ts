import { reasonOf } from "../errors/errors.ts";
import { type AdminAddress, adminSyntax } from "../config/admin.ts";
import { type KeyUse, loadKey } from "../identify/key_file.ts";
import { Admin } from "../observe/admin/admin.ts";
import type { Check } from "../observe/readiness.ts";
import type { Log } from "../log/log.ts";
import type { Recent } from "../log/recent.ts";
import type { View } from "../observe/view.ts";
import { systemClock } from "../time/clock.ts";
import { isLoopback } from "../net/ip.ts";
import type { Handler } from "./program.ts";
import { VERSION } from "./version.ts";

/** A handler with an admin interface. */
export interface AdminTarget {
  /** Already running. */
  readonly handler: Handler;
  /** Its metrics and status. */
  readonly view: () => View;
  /** Conditions for new sessions. */
  readonly checks: () => readonly Check[];
  /** Its last log lines. */
  readonly recent: Recent;
  /** Receives the address, or the reason why there is none. */
  readonly log: Log;
  /** Waits in the background, without limit, for a running handler to release the address. Default: false. */
  readonly replace?: boolean | undefined;
}

/**
 * Serves the admin interface of a handler until the handler ends.
 *
 * @param address Without one, returns the handler unchanged.
 * @returns The handler, with the admin interface ending as it does.
 * @throws {StartError} When it can't listen at the address.
 */
export async function withAdmin(
  address: AdminAddress | undefined,
  { handler, view, checks, recent, log, replace = false }: AdminTarget,
): Promise<Handler> {
  if (address === undefined) return handler;
  const closing = new AbortController();
  const options = { view, checks, recent, version: VERSION, clock: systemClock };
  const starting = Admin.start(address, options, replace ? closing.signal : undefined);
  let ending = false, admin: Admin | undefined;
  const started = starting.then((started) => {
    admin = started;
    if (ending) admin.ending();
    log.info("admin", { at: adminSyntax.format(admin.address) });
  });
  if (replace) started.catch((error) => closing.signal.aborted || log.error("no admin", { reason: reasonOf(error) }));
  else await started;
  if ("host" in address && address.host !== "localhost" && !isLoopback(address.host)) {
    log.warn("admin not on loopback", {
      at: adminSyntax.format(address),
      reason: "anyone who can reach it can read everything",
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
      closing.abort();
      await admin?.close();
    },
  };
}

/** Compares two configured addresses. */
export function sameAdmin(a: AdminAddress | undefined, b: AdminAddress | undefined): boolean {
  return (a && adminSyntax.format(a)) === (b && adminSyntax.format(b));
}

/** Checks that a key is still readable. A running handler does not need it, but a reload or restart does. */
export function keyCheck(file: string, use: KeyUse): Check {
  return { name: `key ${file}`, need: "none", run: async () => void await loadKey(file, use) };
}
