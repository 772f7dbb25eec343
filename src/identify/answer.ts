import type { Address } from "../net/address.ts";
import { bytesHost, hostBytes } from "../net/ip.ts";
import type { WireAddress } from "../wire/addresses.ts";
import {
  type ChannelList,
  encodeChannelList,
  encodeIdentifyAnswer,
  type Identify,
  identifyTranscript,
} from "../wire/identify.ts";
import type { Key } from "./key.ts";

/** An address as sent; null if its host is a name. */
export function toWire({ host, port }: Address): WireAddress | null {
  const address = hostBytes(host);
  return address && { address, port };
}

/** A received address. */
export function fromWire({ address, port }: WireAddress): Address {
  return { host: bytesHost(address), port };
}

/**
 * A server handler's answer to an identification request (paper, section III-C; docs/PROTOCOL.md, identification).
 *
 * @param key The key that the request names; able to sign.
 * @param connected The address that the client connected to.
 * @returns The whole message.
 */
export async function answerIdentify(
  question: Identify,
  key: Key,
  connected: WireAddress,
  channels: ChannelList,
): Promise<Uint8Array> {
  const list = encodeChannelList(channels);
  const transcript = identifyTranscript({ ...question, method: key.method, connected, list });
  return encodeIdentifyAnswer({ method: key.method, list, token: await key.sign!(transcript) });
}
