import { initiate } from "../../association/initiate.ts";
import { ClientAuthentication } from "../../authenticate/client_authentication.ts";
import { DeniedError } from "../../authenticate/denied_error.ts";
import { enrolmentTranscript } from "../../authenticate/proof.ts";
import { MicssError } from "../../errors/errors.ts";
import { importKey, publicHalf } from "../../identify/key.ts";
import type { System } from "../../net/system/system.ts";
import { CreditBudget } from "../../streams/credit_budget.ts";
import type { PadSource } from "../../sharing/system_pads.ts";
import { Multiplexer } from "../../streams/multiplexer.ts";
import { deadline } from "../../time/deadline.ts";
import { DeniedCode } from "../../wire/authenticate.ts";
import type { ServerRecord } from "../../state/records.ts";

/** Reason for which a server refuses an enrolment: its key is unknown there, or the invitation is. */
export type EnrolmentRefusal = "not-authentic" | "not-invited";

/** An enrolment with a server, in an association of its own. */
export interface EnrolmentRequest {
  /** The server and the client's key. */
  readonly server: ServerRecord;
  /** Key of the invitation, as of `invitationKey`. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** Authenticates with the client's key first, which an earlier attempt may have enrolled. */
  readonly authenticate: boolean;
}

/**
 * Enrols with a server, after it has proven its key.
 *
 * @returns The client's name at the server, or the server's refusal.
 * @throws {MicssError} If the server can't be reached, or is not the one that invited.
 */
export type Enrol = (request: EnrolmentRequest) => Promise<{ readonly client: string } | EnrolmentRefusal>;

/** The server at the invitation's addresses has another key. */
class AnotherServer extends MicssError {
  constructor() {
    super("the server at the invitation's addresses is not the one that invited, or has lost its key", {
      hint: "ask for a new invitation",
    });
  }
}

/** Bytes of credit of an association without streams. */
const CREDIT = 65_536;

/** Options of {@linkcode enrolOver}. */
export interface EnrolOptions extends Pick<System, "network" | "clock"> {
  /** Source of pads. */
  readonly pads: PadSource;
  /** Time limit for the whole exchange, in milliseconds. */
  readonly timeout: number;
}

/** Enrols over associations of their own (docs/PROTOCOL.md 8.5). */
export function enrolOver(options: EnrolOptions): Enrol {
  return async (request) => {
    try {
      return { client: await exchange(request, options) };
    } catch (error) {
      if (!(error instanceof DeniedError)) throw error;
      switch (error.code) {
        case DeniedCode.NotAuthentic:
        // Removed between its proof and the answer.
        case DeniedCode.Revoked:
          return "not-authentic";
        case DeniedCode.NotInvited:
          return "not-invited";
        case DeniedCode.NoSuchKey:
          throw new AnotherServer();
      }
      throw error;
    }
  };
}

async function exchange(
  { server, key, authenticate }: EnrolmentRequest,
  { network, clock, pads, timeout }: EnrolOptions,
): Promise<string> {
  const reason = () => new MicssError(`no answer to the enrolment within ${timeout / 1000} s`);
  using limit = deadline(clock, timeout, { reason });
  const [serverKey, clientKey] = await Promise.all([importKey(server.serverKey), importKey(server.clientKey)]);
  const { material: publicKey } = await publicHalf(server.clientKey);
  const mac = await importKey({ kind: "micss-hmac-v1", material: key, comment: "" });
  const association = await initiate(server.channels, { network, clock, pads, timeout, signal: limit.signal });
  try {
    const authentication = new ClientAuthentication({
      credentials: { serverKey, clientKey: authenticate ? clientKey : null },
      list: association.list,
      enrol: async (exchange) => ({
        publicKey,
        mac: await mac.sign!(await enrolmentTranscript(exchange, publicKey)),
        invitation: Uint8Array.fromHex(server.invitation),
      }),
    });
    new Multiplexer(association, {
      clock,
      budget: new CreditBudget(),
      workers: null,
      maxCredit: () => CREDIT,
      counters: { refusedRecords: 0, creditWaits: 0, padding: 0 },
      authentication,
    });
    const ended = association.over.then(() => {
      throw association.reason ?? new MicssError("the server handler ended the association before it answered");
    });
    return await limit.race(Promise.race([authentication.enrolled, ended]));
  } finally {
    association.end();
  }
}
