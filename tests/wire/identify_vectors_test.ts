/** The vectors of docs/PROTOCOL.md 7, whose cryptography is node:crypto's, held against the code and its WebCrypto. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { importKey } from "../../src/identify/key.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { decodeFirst } from "../../src/wire/first.ts";
import { decodeChannelList, decodeIdentifyReply, Method } from "../../src/wire/identify.ts";
import { decode } from "../support/wire/decode.ts";

interface Exchange {
  name: string;
  method: Method;
  secret?: string;
  seed?: string;
  public?: string;
  channels: { address: string; port: number }[];
  connected: { address: string; port: number };
  valid: number;
  keyId: string;
  nonce: string;
  question: string;
  list: string;
  transcript: string;
  token: string;
  answer: string;
}

const committed = await Deno.readTextFile(new URL("../../docs/vectors.json", import.meta.url));
const groups: {
  identify: Exchange[];
  unanswered: { name: string; reason: number; bytes: string }[];
  invalidList: { name: string; bytes: string }[];
} = JSON.parse(committed);
const bytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(hex);

/** The server's and the client's key of a vector. */
async function keysOf({ secret, seed, public: open }: Exchange) {
  const make = (kind: Parameters<typeof importKey>[0]["kind"], hex: string) => {
    return importKey({ kind, material: bytes(hex), comment: "" });
  };
  if (secret !== undefined) return [await make("micss-hmac-v1", secret), await make("micss-hmac-v1", secret)] as const;
  return [await make("micss-ed25519-v1", seed!), await make("micss-ed25519-public-v1", open!)] as const;
}

Deno.test("the vectors' keys have the ids, make the tokens and verify them", async () => {
  for (const vector of groups.identify) {
    const [server, client] = await keysOf(vector);
    assertEquals([server.id.toHex(), client.id.toHex()], [vector.keyId, vector.keyId], vector.name);
    assertEquals([server.method, client.method], [vector.method, vector.method], vector.name);
    assertEquals((await server.sign!(bytes(vector.transcript))).toHex(), vector.token, vector.name);
    assert(await client.verify!(bytes(vector.transcript), bytes(vector.token)), vector.name);
  }
  assertEquals(new Set(groups.identify.map(({ method }) => method)), new Set([Method.HmacSha256, Method.Ed25519]));
});

Deno.test("the vectors' messages are their values in the protocol's order, and decode", () => {
  for (const vector of groups.identify) {
    const { name, method, keyId, nonce, list, token, channels, connected, valid } = vector;
    const hex = (value: number, length: number) => value.toString(16).padStart(2 * length, "0");
    const family = (address: string) => address.length === 8 ? "04" : "06";
    const addressOf = ({ address, port }: { address: string; port: number }) =>
      family(address) + address + hex(port, 2);
    const length = hex(list.length / 2, 2);
    assertEquals(vector.question, `02${keyId}${nonce}`, name);
    assertEquals(list, channels.map(addressOf).join("") + hex(valid, 4), name);
    const context = new TextEncoder().encode("MICSS/2 channel identification\0").toHex();
    const transcript = context + hex(method, 1) + keyId + nonce + addressOf(connected) + length + list;
    assertEquals(vector.transcript, transcript, name);
    assertEquals(vector.answer, `02${hex(method, 1)}${length}${list}${token}`, name);

    const question = { keyId: bytes(keyId), nonce: bytes(nonce) };
    assertEquals(decode(decodeFirst(), bytes(vector.question)).value, { kind: "identify", question }, name);
    const answer = { method, list: bytes(list), token: bytes(token) };
    assertEquals(decode(decodeIdentifyReply(method), bytes(vector.answer)).value, { kind: "answer", answer }, name);
    const decoded = channels.map(({ address, port }) => ({ address: bytes(address), port }));
    assertEquals(decodeChannelList(bytes(list)), { channels: decoded, valid }, name);
  }
});

Deno.test("the vectors of refusals are 255 and a reason, and decode", () => {
  for (const { name, reason, bytes: hex } of groups.unanswered) {
    assertEquals(hex, `ff${reason.toString(16)}`, name);
    assertEquals(decode(decodeIdentifyReply(Method.Ed25519), bytes(hex)).value, { kind: "refused", reason }, name);
  }
});

Deno.test("the invalid lists are refused", () => {
  for (const { name, bytes: hex } of groups.invalidList) {
    assertThrows(() => decodeChannelList(bytes(hex)), WireError, undefined, name);
  }
});
