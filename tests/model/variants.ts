/** Claims about the models, as they are and with something omitted. */

/** A model: association.pml is the handshake's against an adversary, streams.pml that of streams between honest handlers. */
export type Model = "association" | "streams";

/** One run of a model. */
export interface Variant {
  readonly model: Model;
  /** The omission or claim, in words. */
  readonly name: string;
  /** Macros that select it in the model. */
  readonly defines: readonly string[];
  /** Part of the claim that must be violated, in the model's text; null if all claims must hold. */
  readonly violates: string | null;
  /** Set if it needs more of the adversary's own connections than the larger model has. */
  readonly smallOnly?: true;
}

/** A list that differs from the one that a client's honest channel is bound by. */
const OTHER_LIST = "!=1))||(sent[";

/** The handshake as it is, and the results of each change. */
const ASSOCIATION: readonly Omit<Variant, "model">[] = [
  { name: "the handshake", defines: [], violates: null },
  { name: "a client that shares after the first echo", defines: ["EARLY_SHARE"], violates: "stage[" },
  { name: "a server that takes one list for all", defines: ["NOT_ALL_SENT"], violates: "stage[" },
  { name: "a server that takes lists without their sender", defines: ["NOT_OWN_COOKIE"], violates: OTHER_LIST },
  { name: "a server that shares before OPEN", defines: ["SERVER_FIRST"], violates: "(asked[" },
  { name: "cookies that can be guessed", defines: ["GUESSABLE"], violates: "==2" },
  { name: "a server that refuses all that a list names", defines: ["HURTS_NAMED"], violates: "a>=3" },
  { name: "a server that takes two channels on one path", defines: ["ONE_ADDRESS"], violates: "==4" },
  // On the honest channel the server echoes only what came on it, so that echo can't be another list.
  { name: "a client that does not compare the echo", defines: ["NO_COMPARE"], violates: null },
  {
    name: "a server that takes one list for all, as far as the client's comparison goes",
    defines: ["NOT_ALL_SENT", "ONLY_SAME_LISTS"],
    violates: null,
  },
  {
    name: "neither the server nor the client comparing",
    defines: ["NOT_ALL_SENT", "NO_COMPARE", "ONLY_SAME_LISTS"],
    violates: "stage[",
  },
  { name: "the claim that no client ever shares", defines: ["REACH_CLIENT"], violates: "stage[1]!=2" },
  {
    name: "the claim that never both clients share",
    defines: ["REACH_BOTH"],
    violates: "stage[0]!=2",
    // Relaying both at once takes two connections for each.
    smallOnly: true,
  },
  { name: "the claim that no connection is refused", defines: ["REACH_REFUSED"], violates: "!=(0+1)" },
  { name: "the claim that the server never shares", defines: ["REACH_SERVER"], violates: "violated 0" },
];

/** A session that is neither over nor asked for elsewhere. */
const STUCK = "state==3)||";

/** Streams as they are, and the results of each change. */
const STREAMS: readonly Omit<Variant, "model">[] = [
  { name: "streams", defines: [], violates: null },
  { name: "a sender that does not heed its credit", defines: ["NO_CREDIT"], violates: "got<server[n].granted" },
  { name: "a receiver that grants no credit", defines: ["NO_GRANT"], violates: STUCK },
  { name: "a client that does not heed the number of streams granted", defines: ["NO_LIMIT"], violates: "n<=granted" },
  { name: "a server that grants no further stream", defines: ["NO_STREAMS"], violates: STUCK },
  { name: "a BYE that does not tell which streams were taken", defines: ["NO_LAST"], violates: "<=1" },
  { name: "a client that does not ask again", defines: ["NOT_AGAIN"], violates: STUCK },
  { name: "frames on a stream that is over as violations", defines: ["NO_IGNORE_OVER"], violates: "state!=3" },
  { name: "frames on a stream above BYE's as violations", defines: ["NO_IGNORE_ABOVE"], violates: "n<=taken" },
  { name: "a server that sends DATA before RESULT", defines: ["EARLY_DATA"], violates: "state==2" },
  { name: "a sender that goes on behind END", defines: ["DATA_BEHIND_END"], violates: "gotEnd" },
  { name: "a stream that is over at the first END", defines: ["OVER_AT_ONE_END"], violates: "==2" },
  { name: "the claim that no session is asked for again", defines: ["REACH_AGAIN"], violates: "!(left)" },
  { name: "the claim that no session ends in order", defines: ["REACH_DONE"], violates: "got<" },
];

/** The models as they are, and the results of each change. */
export const VARIANTS: readonly Variant[] = [
  ...ASSOCIATION.map((variant): Variant => ({ ...variant, model: "association" })),
  ...STREAMS.map((variant): Variant => ({ ...variant, model: "streams" })),
];
