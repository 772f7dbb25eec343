import type { Association } from "../../association/association.ts";
import { HandshakeTimeout } from "../../association/outcome.ts";
import type { ClientAuthentication } from "../../authenticate/client_authentication.ts";
import { MicssError } from "../../errors/errors.ts";
import type { Clock } from "../../time/clock.ts";
import { deadline } from "../../time/deadline.ts";

/** Limits of {@linkcode authenticated}. */
export interface AuthenticationLimits {
  /** Measures the time. */
  readonly clock: Clock;
  /** Time that is left, in milliseconds. */
  readonly timeout: number;
  /** Cancels the wait. */
  readonly signal?: AbortSignal;
}

/**
 * Waits until the server has proved its identity, if it must. Aborts the association otherwise.
 *
 * @throws {DeniedError} If the server refuses this client.
 * @throws {ServerNotAuthentic} If the server has another key.
 * @throws {HandshakeTimeout} If it does not answer in time.
 */
export async function authenticated(
  association: Association,
  authentication: ClientAuthentication,
  { clock, timeout, signal }: AuthenticationLimits,
): Promise<void> {
  if (authentication.hello === null) return;
  const reason = () => new HandshakeTimeout("the server handler did not prove its identity in time");
  using limit = deadline(clock, Math.max(1, timeout), { reason, ...signal !== undefined && { signal } });
  const ended = association.over.then(() => {
    throw association.reason ?? new MicssError("the association ended before the server handler proved its identity");
  });
  try {
    await limit.race(Promise.race([authentication.authenticated, ended]));
  } catch (error) {
    association.abort();
    throw error;
  }
}
