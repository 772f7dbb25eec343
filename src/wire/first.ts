import { type Associate, ASSOCIATE_HEAD_LENGTH, decodeAssociateAfter } from "./associate.ts";
import type { Decoder } from "./decoder.ts";
import { decodeIdentifyAfter, IDENTIFY, type Identify } from "./identify.ts";
import { decodeRejoinAfter, REJOIN, type Rejoin } from "./rejoin.ts";

/** The first message of a client on a connection. */
export type First =
  | { readonly kind: "associate"; readonly list: Associate }
  | { readonly kind: "identify"; readonly question: Identify }
  | { readonly kind: "rejoin"; readonly rejoin: Rejoin };

/**
 * Decodes a client's first message: its list of cookies, its identification request, or its request to join a channel
 * again. All begin with their type and are longer than the bytes read to tell which.
 *
 * @throws {WireError} If it is none of them.
 */
export function* decodeFirst(): Decoder<First> {
  const head = (yield ASSOCIATE_HEAD_LENGTH).slice();
  if (head[0] === IDENTIFY) return { kind: "identify", question: yield* decodeIdentifyAfter(head) };
  if (head[0] === REJOIN) return { kind: "rejoin", rejoin: yield* decodeRejoinAfter(head) };
  return { kind: "associate", list: yield* decodeAssociateAfter(head) };
}
