import { xor } from "../../src/sharing/xor.ts";
import { counted, counting, type Vector } from "./vector.ts";

/** XOR shares (docs/PROTOCOL.md 3). */
export function shares(): Vector[] {
  const message = new TextEncoder().encode("Multiple Independent Channels");
  const split = (channels: number, bytes: Uint8Array, name: string, description: string): Vector => {
    const shares = Array.from({ length: channels }, () => new Uint8Array(bytes.length));
    xor.split(bytes, shares, counting());
    const hex = shares.map((share) => share.toHex());
    return { name, description, message: bytes.toHex(), pads: hex.slice(0, -1), shares: hex };
  };
  return [
    ...[2, 3, 5, 16].map((channels) =>
      split(channels, message, `${channels} shares`, `${channels - 1} of them pads, in channel order`)
    ),
    split(3, counted(200, 7), "many words", "A message longer than any word that a program may work with"),
  ];
}
