import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { counted, join, uint, utf8, type Vector } from "./vector.ts";

/** Prefix of an Ed25519 seed in PKCS #8 (RFC 8410). */
const PKCS8_HEAD = Uint8Array.fromHex("302e020100300506032b657004220420");

const METHODS = { HmacSha256: 1, Ed25519: 2 } as const;
const SIDES = { client: 1, server: 2, enrolment: 3 } as const;
const ZEROS = new Uint8Array(32);

/** A list message with two cookies (docs/PROTOCOL.md 2.2). */
const LIST = join(uint(1, 1), uint(1, 1), uint(2, 1), uint(2, 1), counted(16), counted(16, 16));
const CLIENT_NONCE = counted(32, 64), SERVER_NONCE = counted(32, 96);

/** A key: its secret part, the part that its hash is over, and its hash. */
interface Pair {
  readonly secret: Uint8Array;
  readonly material: Uint8Array;
  readonly hash: Uint8Array;
}

/** Proofs and the MAC of an enrolment (docs/PROTOCOL.md 8). The cryptography is that of node:crypto. */
export function proofs(): Vector[] {
  const hmac = pair("HmacSha256", counted(32));
  const server = pair("Ed25519", counted(32)), client = pair("Ed25519", counted(32, 32));
  return [
    proof("HMAC, server", "HmacSha256", "server", hmac, hmac, hmac),
    proof("HMAC, client", "HmacSha256", "client", hmac, hmac, hmac),
    proof("Ed25519, server", "Ed25519", "server", server, client, server),
    proof("Ed25519, client", "Ed25519", "client", client, client, server),
    proof("enrolment", "Ed25519", "enrolment", { ...hmac, secret: counted(32, 128) }, client, server),
  ];
}

function pair(method: keyof typeof METHODS, secret: Uint8Array): Pair {
  const material = method === "HmacSha256" ? secret : publicHalf(secret);
  const bytes = join(utf8("MICSS/2 key id\0"), uint(METHODS[method], 1), material);
  return { secret, material, hash: new Uint8Array(createHash("sha256").update(bytes).digest()) };
}

function proof(
  name: string,
  method: keyof typeof METHODS,
  side: keyof typeof SIDES,
  { secret }: Pair,
  client: Pair,
  server: Pair,
): Vector {
  const transcript = join(
    utf8("MICSS/2 auth\0"),
    uint(SIDES[side], 1),
    uint(METHODS[method], 1),
    side === "server" ? ZEROS : client.hash,
    server.hash,
    CLIENT_NONCE,
    SERVER_NONCE,
    LIST,
  );
  const byHmac = method === "HmacSha256" || side === "enrolment";
  const token = byHmac
    ? createHmac("sha256", secret).update(transcript).digest()
    : sign(null, transcript, privateKey(secret));
  return {
    name,
    description: `${side === "enrolment" ? "The MAC of an enrolment" : `The ${side}'s proof by ${method}`}`,
    side: SIDES[side],
    method: METHODS[method],
    secret: secret.toHex(),
    clientKey: client.material.toHex(),
    serverKey: server.material.toHex(),
    clientNonce: CLIENT_NONCE.toHex(),
    serverNonce: SERVER_NONCE.toHex(),
    list: LIST.toHex(),
    transcript: transcript.toHex(),
    proof: (side === "enrolment" ? new Uint8Array(token) : join(token, new Uint8Array(64 - token.length))).toHex(),
  };
}

function privateKey(seed: Uint8Array) {
  return createPrivateKey({ key: Uint8Array.from([...PKCS8_HEAD, ...seed]) as never, format: "der", type: "pkcs8" });
}

function publicHalf(seed: Uint8Array): Uint8Array {
  const { x } = createPublicKey(privateKey(seed) as never).export({ format: "jwk" });
  return Uint8Array.fromBase64(x!, { alphabet: "base64url" });
}
