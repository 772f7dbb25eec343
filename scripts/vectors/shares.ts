import { counted, utf8, type Vector } from "./vector.ts";

/** XOR shares (docs/PROTOCOL.md 3.2). */
export function shares(): Vector[] {
  const message = utf8("Multiple Independent Channels");
  const split = (channels: number, bytes: Uint8Array, name: string, description: string): Vector => {
    const pads = Array.from({ length: channels - 1 }, (_, index) => counted(bytes.length, index * bytes.length));
    const last = pads.reduce((sum, pad) => sum.map((byte, at) => byte ^ pad[at]!), bytes);
    const hex = [...pads, last].map((share) => share.toHex());
    return { name, description, message: bytes.toHex(), pads: hex.slice(0, -1), shares: hex };
  };
  return [
    ...[2, 3, 5, 16].map((channels) =>
      split(channels, message, `${channels} shares`, `${channels - 1} of them pads, in channel order`)
    ),
    split(3, counted(200, 7), "many words", "A message longer than any word that a program may work with"),
  ];
}
