/** Claims about the model in association.pml, as it is and with something omitted. */

/** One run of the model. */
export interface Variant {
  /** The omission or claim, in words. */
  readonly name: string;
  /** Macros that select it in the model. */
  readonly defines: readonly string[];
  /** Part of the claim that must be violated, in the model's text; null if all claims must hold. */
  readonly violates: string | null;
  /** Set if it needs more of the adversary's own connections than the model of three channels has. */
  readonly twoChannelsOnly?: true;
}

/** A list that differs from the one that a client's honest channel is bound by. */
const OTHER_LIST = "!=1))||(sent[";

/** The model as it is, and the results of each change. */
export const VARIANTS: readonly Variant[] = [
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
    twoChannelsOnly: true,
  },
  { name: "the claim that no connection is refused", defines: ["REACH_REFUSED"], violates: "!=(0+1)" },
  { name: "the claim that the server never shares", defines: ["REACH_SERVER"], violates: "violated 0" },
];
