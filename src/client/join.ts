import { MicssError } from "../errors/errors.ts";
import { fromWire } from "../identify/answer.ts";
import { generateEd25519 } from "../identify/key.ts";
import { ClientState, type JoinedServer, sameKey } from "../state/client_state.ts";
import type { Enrol } from "./dial/enrol.ts";
import type { ServerRecord } from "../state/records.ts";
import { StateError } from "../state/state_error.ts";
import { type Invitation, invitationId, invitationKey } from "../wire/invitation.ts";

/** Options of {@linkcode join}. */
export interface JoinOptions {
  /** Keeps the server and the client's key. */
  readonly state: ClientState;
  /** Name of the server on this client. Default: the invitation's. */
  readonly name?: string;
  /** Talks to the server. */
  readonly enrol: Enrol;
  /** Time of day, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Joining failed. Message: "what is wrong; what would be right". */
export class JoinError extends MicssError {}

/**
 * Joins a server by an invitation: makes a key, enrols it, and keeps the server. The key is kept before it is sent, so that
 * after a lost answer the same invitation finishes what was begun.
 *
 * The expiry is the server's to judge, since this machine's clock may be wrong; it only explains a refusal.
 *
 * @throws {JoinError | StateError | MicssError}
 */
export async function join(invitation: Invitation, { state, name, enrol, now }: JoinOptions): Promise<JoinedServer> {
  const id = invitationId(invitation).toHex(), key = invitationKey(invitation);
  const fresh = await recordOf(invitation, name ?? invitation.server, id);
  const joined = state.servers().find((one) => one.invitation === id && sameKey(one.serverKey, fresh.serverKey));
  const earlier = joined ?? state.attempt(id);
  const wanted = { ...earlier ?? fresh, name: name ?? earlier?.name ?? fresh.name };
  checkName(state, wanted);
  const server = joined === undefined ? { ...state.begin(wanted), name: wanted.name } : wanted;
  if (earlier !== null) {
    const outcome = await enrol({ server, key, authenticate: true });
    if (typeof outcome === "object") return kept(state, server, outcome.client);
  }
  const outcome = await enrol({ server, key, authenticate: false });
  if (typeof outcome === "object") return kept(state, server, outcome.client);
  state.forget(id);
  throw refusal(invitation, { joined, now: now() });
}

/** The server of an invitation, with a new key of this client. */
async function recordOf(invitation: Invitation, name: string, id: string): Promise<ServerRecord> {
  const channels = invitation.channels.map(fromWire);
  if (new Set(channels.map(({ host }) => host)).size < channels.length) {
    throw new JoinError("the invitation has two channels at one address; ask for one that has not");
  }
  const { secret: clientKey } = await generateEd25519("");
  const serverKey = { kind: "micss-ed25519-public-v1", material: invitation.serverKey, comment: "" } as const;
  return { name, channels, serverKey, clientKey, client: null, invitation: id };
}

/** Refuses a name that another server has, before the invitation is used. @throws {StateError} */
function checkName(state: ClientState, { name, serverKey }: ServerRecord): void {
  const existing = state.server(name);
  if (existing === null || sameKey(existing.serverKey, serverKey)) return;
  throw new StateError(
    `${state.path}/servers/${name}.json`,
    `another server named ${name} is joined already; give this one another name with --as`,
  );
}

function kept(state: ClientState, record: ServerRecord, client: string): JoinedServer {
  const server = { ...record, client };
  state.keep(server);
  return server;
}

function refusal(
  { expires }: Invitation,
  { joined, now }: { joined: JoinedServer | undefined; now: number },
): JoinError {
  if (joined !== undefined) {
    return new JoinError(
      `${joined.name} was joined with this invitation, but its server has removed this client; ask for a new invitation`,
    );
  }
  const time = (ms: number) => new Date(ms).toISOString().replace(/\.\d+/, "");
  if (now >= expires) {
    return new JoinError(
      `the invitation expired at ${time(expires)} (this machine's clock says ${time(now)}); ask for a new one`,
    );
  }
  return new JoinError(
    "the server refused the invitation: it was used or withdrawn already, or has expired by the server's clock; " +
      "ask for a new one",
  );
}
