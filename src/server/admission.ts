import type { Association } from "../association/association.ts";
import type { ClientDirectory, KnownClient } from "../authenticate/client_directory.ts";
import { type AuthenticationOutcome, ServerAuthentication } from "../authenticate/server_authentication.ts";
import type { Key } from "../identify/key.ts";
import type { Log } from "../log/log.ts";
import type { ThrottledWarning } from "../log/throttled.ts";
import { formatAddress } from "../net/address.ts";
import type { Activity } from "../observe/activity.ts";
import type { Verdict } from "../streams/authentication.ts";
import type { Clock } from "../time/clock.ts";
import { DeniedCode } from "../wire/authenticate.ts";

/** Options of {@linkcode Admission}. */
export interface AdmissionOptions {
  /** Returns the server's Ed25519 keys that can sign. */
  readonly keys: () => readonly Key[];
  /** Returns the clients known now. */
  readonly clients: () => ClientDirectory;
  /** Receives a line for each enrolment, and at level debug for each authentication. */
  readonly log: Log;
  /** Logs refused clients. */
  readonly denied: ThrottledWarning;
  /** Counts outcomes. */
  readonly activity: Activity;
  /** Measures the time limit. */
  readonly clock: Clock;
}

/** Decides who the client of an association is, and whether it may open streams. */
export class Admission {
  /** The server's part in the exchange. */
  readonly authentication: ServerAuthentication;
  readonly #association: Association;
  readonly #options: AdmissionOptions;
  #cancelLimit: () => void = () => {};
  /** True until the client is known, or does not have to be. */
  #pending = true;

  /** Begins with a client that is not known. */
  constructor(association: Association, options: AdmissionOptions) {
    this.#association = association;
    this.#options = options;
    this.authentication = new ServerAuthentication({
      ...options,
      list: association.list,
      authenticated: ({ name }) => {
        this.#settle();
        options.activity.identify(association, name);
      },
      outcome: (outcome, reason) => this.#report(outcome, reason),
    });
  }

  /** The client; null if it has not proved its identity. */
  get client(): KnownClient | null {
    return this.authentication.client;
  }

  /**
   * Begins the time limit, and ends it with the association.
   *
   * @param timeout In milliseconds.
   * @param deny Called if the client does not prove its identity in time, though it must.
   */
  begin(timeout: number, deny: (verdict: Verdict) => void): void {
    if (this.authentication.admits) return this.#settle();
    this.#cancelLimit = this.#options.clock.after(timeout, () => {
      if (this.authentication.admits) return this.#settle();
      const reason = "the client did not prove its identity in time";
      deny(this.authentication.deny(DeniedCode.NoProof, "late", reason));
    });
    this.#association.over.then(() => this.#settle());
  }

  /** Returns the refusal of a client that is not admitted any more, after the clients have changed; null otherwise. */
  review(): Verdict | null {
    if (this.#pending && this.client === null || this.authentication.review()) return null;
    const reason = `${this.client?.name ?? "a client without a name"} is not admitted any more`;
    return this.authentication.deny(DeniedCode.Revoked, "revoked", reason);
  }

  #settle(): void {
    this.#pending = false;
    this.#cancelLimit();
  }

  #report(outcome: AuthenticationOutcome, reason?: string): void {
    const { activity, denied, log } = this.#options;
    activity.authentications.count(outcome);
    const association = this.#association.id, from = formatAddress(this.#association.connections[0]!.remote);
    if (outcome === "authenticated") log.debug("client authenticated", { association, from, name: this.client!.name });
    else if (outcome === "enrolled") log.info("client enrolled", { association, from, name: reason });
    else denied.warn({ association, from, reason });
  }
}
