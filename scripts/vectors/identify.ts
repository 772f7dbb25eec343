import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from "node:crypto";
import {
  encodeChannelList,
  encodeIdentify,
  encodeIdentifyAnswer,
  encodeIdentifyRefusal,
  IdentifyRefusal,
  identifyTranscript,
  KEY_ID_LENGTH,
  Method,
  NONCE_LENGTH,
  type WireAddress,
} from "../../src/wire/identify.ts";
import { counted, members, type Vector } from "./vector.ts";

/** Prefix of an Ed25519 seed in PKCS #8 (RFC 8410). */
const PKCS8_HEAD = Uint8Array.fromHex("302e020100300506032b657004220420");
const SECRET = counted(32);
const NONCE = counted(NONCE_LENGTH, 64);

const FIRST: WireAddress = { address: Uint8Array.of(192, 0, 2, 10), port: 6522 };
const SECOND: WireAddress = { address: Uint8Array.of(198, 51, 100, 10), port: 7000 };
const THIRD: WireAddress = { address: Uint8Array.fromHex("20010db8000000000000000000000010"), port: 6522 };

/**
 * Whole exchanges (docs/PROTOCOL.md 6). Uses node:crypto's cryptography, so that these vectors check the code's own
 * independently.
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
    exchange("HMAC, two channels", Method.HmacSha256, { secret: SECRET }, hmac, FIRST, [FIRST, SECOND], 3600),
    exchange("HMAC, three channels", Method.HmacSha256, { secret: SECRET }, hmac, THIRD, [FIRST, SECOND, THIRD], 1),
    exchange(
      "Ed25519",
      Method.Ed25519,
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
  method: Method,
  key: Record<string, Uint8Array>,
  makeToken: (transcript: Uint8Array) => Uint8Array,
  connected: WireAddress,
  channels: WireAddress[],
  valid: number,
): Vector {
  const idOf = Uint8Array.from([
    ...new TextEncoder().encode("MICSS/1 key id\0"),
    method,
    ...key["public"] ?? key["secret"]!,
  ]);
  const keyId = new Uint8Array(createHash("sha256").update(idOf).digest()).slice(0, KEY_ID_LENGTH);
  const list = encodeChannelList({ channels, valid });
  const transcript = identifyTranscript({ method, keyId, nonce: NONCE, connected, list });
  const token = makeToken(transcript).slice();
  return {
    name,
    description: `A question, and its answer by ${Method[method]}, of a client that connected to channel ${
      channels.indexOf(connected) + 1
    }`,
    method,
    ...Object.fromEntries(Object.entries(key).map(([part, bytes]) => [part, bytes.toHex()])),
    keyId: keyId.toHex(),
    nonce: NONCE.toHex(),
    question: encodeIdentify({ keyId, nonce: NONCE }).toHex(),
    connected: addressOf(connected),
    channels: channels.map(addressOf),
    valid,
    list: list.toHex(),
    transcript: transcript.toHex(),
    token: token.toHex(),
    answer: encodeIdentifyAnswer({ method, list, token }).toHex(),
  };
}

function addressOf({ address, port }: WireAddress): { address: string; port: number } {
  return { address: address.toHex(), port };
}

/** Refusals to answer (docs/PROTOCOL.md 6.2). */
export function unanswered(): Vector[] {
  return members(IdentifyRefusal).map(([name, reason]) => ({
    name,
    description: `The server does not answer a question for reason ${reason}`,
    reason,
    bytes: encodeIdentifyRefusal(reason).toHex(),
  }));
}

/** Lists that must be refused although their token is valid (docs/PROTOCOL.md 6.3). */
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
