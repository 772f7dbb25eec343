/** The proofs of docs/vectors.json, made and verified by src/authenticate. */
import { assert, assertEquals } from "@std/assert";
import { enrolmentTranscript, type Exchange, prove, verify } from "../../src/authenticate/proof.ts";
import { hashOf, importKey } from "../../src/identify/key.ts";
import { encodeTranscript, ProofSide } from "../../src/wire/authenticate.ts";
import { Method } from "../../src/wire/identify.ts";

type ProofVector =
  & Record<
    "name" | "secret" | "clientKey" | "serverKey" | "clientNonce" | "serverNonce" | "list" | "transcript" | "proof",
    string
  >
  & { side: ProofSide; method: Method };

const { proof: vectors }: { proof: ProofVector[] } = JSON.parse(
  await Deno.readTextFile(new URL("../../docs/vectors.json", import.meta.url)),
);
const bytes = (hex: string) => Uint8Array.fromHex(hex);

for (const vector of vectors) {
  Deno.test(`the vector of a proof is made and verified: ${vector.name}`, async () => {
    const { side, method } = vector;
    const [client, server] = await Promise.all(
      [vector.clientKey, vector.serverKey].map((key) => hashOf(method, bytes(key))),
    );
    const exchange: Exchange = {
      serverKey: server!.hash,
      clientNonce: bytes(vector.clientNonce),
      serverNonce: bytes(vector.serverNonce),
      list: bytes(vector.list),
    };
    const clientKey = side === ProofSide.Server ? null : client!.hash;
    const transcript = encodeTranscript({ ...exchange, side, method, clientKey });
    assertEquals(transcript.toHex(), vector.transcript);
    if (side === ProofSide.Enrolment) {
      const key = await importKey({ kind: "micss-hmac-v1", material: bytes(vector.secret), comment: "" });
      const mac = await key.sign!(await enrolmentTranscript(exchange, bytes(vector.clientKey)));
      assertEquals(mac.toHex(), vector.proof);
      return;
    }
    const kinds = method === Method.HmacSha256
      ? ["micss-hmac-v1", "micss-hmac-v1"] as const
      : ["micss-ed25519-v1", "micss-ed25519-public-v1"] as const;
    const own = side === ProofSide.Client ? vector.clientKey : vector.serverKey;
    const signing = await importKey({ kind: kinds[0], material: bytes(vector.secret), comment: "" });
    const verifying = await importKey({ kind: kinds[1], material: bytes(own), comment: "" });
    const proof = await prove(signing, side, exchange);
    assertEquals(proof.toHex(), vector.proof);
    assert(await verify(verifying, side, exchange, proof));
    const other = side === ProofSide.Client ? ProofSide.Server : ProofSide.Client;
    assert(!await verify(verifying, other, exchange, proof), "a proof is for one side only");
  });
}
