/** Claims about the models, as they are and with something omitted. */

/**
 * A model: association.pml is the handshake's and rejoin.pml that of joining a channel again, both against an adversary;
 * streams.pml is that of streams between honest handlers.
 */
export type Model = "association" | "streams" | "rejoin";

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
  /** The variant, if any, that can do all that this one can: whatever holds of it holds of this one. */
  readonly coveredBy?: string;
  /** Set if it has so many states, up to the counterexample if any, that a small model's search is worth optimizing. */
  readonly manyStates?: true;
}

/** A list that differs from the one that a client's honest channel is bound by. */
const OTHER_LIST = "!=1))||(sent[";

/** The handshake as it is, and the results of each change. */
const ASSOCIATION: readonly Omit<Variant, "model">[] = [
  // Comparing the echo only forbids steps. `deno task model` searches both.
  { name: "the handshake", defines: [], violates: null, coveredBy: "a client that does not compare the echo" },
  { name: "a client that shares after the first echo", defines: ["EARLY_SHARE"], violates: "stage[" },
  { name: "a server that takes one list for all", defines: ["NOT_ALL_SENT"], violates: "stage[" },
  { name: "a server that takes lists without their sender", defines: ["NOT_OWN_COOKIE"], violates: OTHER_LIST },
  { name: "a server that shares before OPEN", defines: ["SERVER_FIRST"], violates: "(asked[" },
  { name: "cookies that can be guessed", defines: ["GUESSABLE"], violates: "==2" },
  { name: "a server that refuses all that a list names", defines: ["HURTS_NAMED"], violates: "a>=3" },
  { name: "a server that takes two channels on one path", defines: ["ONE_ADDRESS"], violates: "==4" },
  // On the honest channel the server echoes only what came on it, so that echo can't be another list.
  { name: "a client that does not compare the echo", defines: ["NO_COMPARE"], violates: null, manyStates: true },
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

/** A byte that arrives where another one belongs. */
const WRONG_PLACE = "At==serverGot";

/** A connection in use that gives way to an earlier one. */
const EARLIER = "to[live].client!=3";

/** A REJOIN of a stranger's that is taken. */
const STRANGER = "!(valid)";

/** Joining again as it is, and the results of each change. */
const REJOIN: readonly Omit<Variant, "model">[] = [
  { name: "joining again", defines: [], violates: null },
  { name: "a server that does not give the old connection up first", defines: ["OLD_KEPT"], violates: WRONG_PLACE },
  { name: "counts that the code does not cover", defines: ["COUNT_NOT_COVERED"], violates: WRONG_PLACE },
  { name: "a cookie that the code does not cover", defines: ["COOKIE_NOT_COVERED"], violates: STRANGER },
  { name: "a server that does not look at the attempt's number", defines: ["NO_ATTEMPTS"], violates: EARLIER },
  { name: "attempts that are numbered for each key by itself", defines: ["KEYS_APART"], violates: EARLIER },
  { name: "an attempt that is used up only by its answer", defines: ["NOT_BURNT"], violates: STRANGER },
  { name: "an ACK of bytes that are received and not joined", defines: ["ACK_RECEIVED"], violates: "==2" },
  { name: "shares that are dropped when they are sent", defines: ["DROP_AT_SEND"], violates: "Sent<=" },
  { name: "a server that sends before it has verified REJOIN", defines: ["SERVER_EARLY"], violates: STRANGER },
  { name: "a client that sends before it has verified REJOINED", defines: ["CLIENT_EARLY"], violates: WRONG_PLACE },
  { name: "an orderly end while bytes are owed, taken as an end", defines: ["END_WHILE_OWING"], violates: "==2" },
  { name: "connections whose other end is gone unnoticed", defines: ["NO_NOTICE"], violates: "==2)&&" },
  { name: "the claim that no REJOIN comes too late", defines: ["REACH_STALE"], violates: "client!=4" },
  { name: "the claim that no second key is of use", defines: ["REACH_AGAIN"], violates: "attempt<" },
  { name: "the claim that no association ends in order", defines: ["REACH_END"], violates: "<2" },
];

/** The models as they are, and the results of each change. */
export const VARIANTS: readonly Variant[] = [
  ...ASSOCIATION.map((variant): Variant => ({ ...variant, model: "association" })),
  ...STREAMS.map((variant): Variant => ({ ...variant, model: "streams" })),
  ...REJOIN.map((variant): Variant => ({ ...variant, model: "rejoin" })),
];
