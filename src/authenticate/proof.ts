import { hashOf, type Key } from "../identify/key.ts";
import { encodeTranscript, fromProof, ProofSide, toProof, type Transcript } from "../wire/authenticate.ts";
import { Method } from "../wire/identify.ts";

const TOKEN_LENGTHS: Readonly<Record<Method, number>> = { [Method.HmacSha256]: 32, [Method.Ed25519]: 64 };

/** Parts of a transcript that both proofs of an association share. */
export type Exchange = Pick<Transcript, "serverKey" | "clientNonce" | "serverNonce" | "list">;

/**
 * Makes a side's proof: 64 bytes.
 *
 * @param key Able to sign.
 * @param side {@linkcode ProofSide.Client} or {@linkcode ProofSide.Server}.
 */
export async function prove(key: Key, side: ProofSide, exchange: Exchange): Promise<Uint8Array<ArrayBuffer>> {
  return toProof(await key.sign!(transcriptOf(key, side, exchange)));
}

/**
 * Verifies the other side's proof.
 *
 * @param key Able to verify.
 * @throws {WireError} If bytes follow an HMAC in the proof.
 */
export async function verify(key: Key, side: ProofSide, exchange: Exchange, proof: Uint8Array): Promise<boolean> {
  return await key.verify!(transcriptOf(key, side, exchange), fromProof(proof, TOKEN_LENGTHS[key.method]));
}

function transcriptOf({ method, hash }: Key, side: ProofSide, exchange: Exchange): Uint8Array<ArrayBuffer> {
  return encodeTranscript({ ...exchange, side, method, clientKey: side === ProofSide.Server ? null : hash });
}

/** The bytes that the MAC of an enrolment is over. @param publicKey Public half of the client's Ed25519 key, 32 bytes. */
export async function enrolmentTranscript(
  exchange: Exchange,
  publicKey: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { hash } = await hashOf(Method.Ed25519, publicKey);
  return encodeTranscript({ ...exchange, side: ProofSide.Enrolment, method: Method.Ed25519, clientKey: hash });
}
