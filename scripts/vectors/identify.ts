import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { refusalsFor } from "./handshake.ts";
import { counted, join, uint, utf8, type Vector } from "./vector.ts";

interface Channel {
  readonly address: Uint8Array;
  readonly port: number;
}

const METHODS = { 1: "HmacSha256", 2: "Ed25519" };

/** Prefix of an Ed25519 seed in PKCS #8 (RFC 8410). */
const PKCS8_HEAD = Uint8Array.fromHex("302e020100300506032b657004220420");
const SECRET = counted(32);
const NONCE = counted(32, 64);

const FIRST: Channel = { address: Uint8Array.of(192, 0, 2, 10), port: 6522 };
const SECOND: Channel = { address: Uint8Array.of(198, 51, 100, 10), port: 7000 };
const THIRD: Channel = { address: Uint8Array.fromHex("20010db8000000000000000000000010"), port: 6522 };

/**
 * Whole exchanges (docs/PROTOCOL.md 7). The cryptography is that of node:crypto.
 */
export function exchanges(): Vector[] {
  const privateKey = createPrivateKey({
    key: Uint8Array.from([...PKCS8_HEAD, ...SECRET]) as never,
    format: "der",
    type: "pkcs8",
  });
  const { x } = createPublicKey(privateKey as never).export({ format: "jwk" });
  const open = Uint8Array.fromBase64(x!, { alphabet: "base64url" });
  const hmac = (bytes: Uint8Array) => new Uint8Array(createHmac("sha256", SECRET).update(bytes).digest());
  const ed25519 = (bytes: Uint8Array) => new Uint8Array(sign(null, bytes, privateKey));
  return [
    exchange("HMAC, two channels", 1, { secret: SECRET }, hmac, FIRST, [FIRST, SECOND], 3600),
    exchange("HMAC, three channels", 1, { secret: SECRET }, hmac, THIRD, [FIRST, SECOND, THIRD], 1),
    exchange(
      "Ed25519",
      2,
      { seed: SECRET, public: open },
      ed25519,
      FIRST,
      [FIRST, SECOND, THIRD],
      2_592_000,
    ),
  ];
}

function exchange(
  name: string,
  method: 1 | 2,
  key: Record<string, Uint8Array>,
  makeToken: (transcript: Uint8Array) => Uint8Array,
  connected: Channel,
  channels: Channel[],
  valid: number,
): Vector {
  const idOf = join(utf8("MICSS/2 key id\0"), uint(method, 1), key["public"] ?? key["secret"]!);
  const keyId = new Uint8Array(createHash("sha256").update(idOf).digest()).slice(0, 8);
  const list = join(...channels.map(wired), uint(valid, 4));
  const transcript = join(
    utf8("MICSS/2 channel identification\0"),
    uint(method, 1),
    keyId,
    NONCE,
    wired(connected),
    uint(list.length, 2),
    list,
  );
  const token = makeToken(transcript).slice();
  return {
    name,
    description: `A question, and its answer by ${METHODS[method]}, of a client that connected to channel ${
      channels.indexOf(connected) + 1
    }`,
    method,
    ...Object.fromEntries(Object.entries(key).map(([part, bytes]) => [part, bytes.toHex()])),
    keyId: keyId.toHex(),
    nonce: NONCE.toHex(),
    question: join(uint(2, 1), keyId, NONCE).toHex(),
    connected: addressOf(connected),
    channels: channels.map(addressOf),
    valid,
    list: list.toHex(),
    transcript: transcript.toHex(),
    token: token.toHex(),
    answer: join(uint(2, 1), uint(method, 1), uint(list.length, 2), list, token).toHex(),
  };
}

/** A channel as on the wire: family, address, port. */
function wired({ address, port }: Channel): Uint8Array {
  return join(uint(address.length === 4 ? 4 : 6, 1), address, uint(port, 2));
}

function addressOf({ address, port }: Channel): { address: string; port: number } {
  return { address: address.toHex(), port };
}

/** Refusals to answer (docs/PROTOCOL.md 7.2). */
export function unanswered(): Vector[] {
  return refusalsFor(64, ["NoSuchKey", "NotAnnounced"], (reason) => {
    return `The server does not answer a question for reason ${reason}`;
  });
}

/** Lists that must be refused although their token is valid (docs/PROTOCOL.md 7.3). */
export function invalidLists(): Vector[] {
  const a = "04c000020a197a", b = "04c000020b197a", hour = "00000e10";
  const seventeen = Array.from({ length: 17 }, (_, at) => `04c00002${hex(at + 1)}197a`).join("");
  const cases: [name: string, description: string, bytes: string][] = [
    ["one channel", "Fewer than 2 channels", a + hour],
    ["17 channels", "More than 16 channels", seventeen + hour],
    ["an address twice", "Two channels at one address", a + "04c000020a197b" + hour],
    ["port 0", "A port that can't be connected to", a + "04c000020b0000" + hour],
    ["no address", "All zeros is the unspecified address", a + "0400000000197a" + hour],
    ["unknown family", "Family 5", a + "05c000020b197a" + hour],
    ["cut address", "An IPv6 address of 4 bytes", a + "06c000020b197a" + hour],
    ["not valid", "Valid for no time", a + b + "00000000"],
    ["valid too long", "Valid for 30 days and a second", a + b + "00278d01"],
  ];
  return cases.map(([name, description, bytes]) => ({ name, description, bytes }));
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
