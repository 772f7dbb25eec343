import { assertEquals, assertThrows } from "@std/assert";
import vectors from "../../docs/vectors.json" with { type: "json" };
import { HandleTable } from "../../src/datagrams/handles.ts";
import { decodePacket, encodePath, PacketKind, packetKind, writeHead } from "../../src/datagrams/packet.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { Random } from "../support/random/random.ts";

const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(text);

for (const { name, handles, sequence, packets } of vectors.datagram) {
  Deno.test(`packets of datagram vector: ${name}`, () => {
    for (const [channel, bytes] of packets.entries()) {
      const packet = decodePacket(hex(bytes));
      assertEquals(packet, {
        kind: PacketKind.Share,
        handle: hex(handles[channel]!),
        sequence,
        share: hex(bytes).subarray(14),
      });
      const again = hex(bytes).fill(0, 0, 14);
      writeHead(again, 0, packet.handle, sequence);
      assertEquals(again.toHex(), bytes);
    }
  });
}

for (const { name, handle, kind, token, bytes } of vectors.pathPacket) {
  Deno.test(`path packet vector: ${name}`, () => {
    assertEquals(decodePacket(hex(bytes)), { kind, handle: hex(handle), token: hex(token) });
    assertEquals(encodePath(hex(handle), kind, hex(token)).toHex(), bytes);
  });
}

for (const { name, bytes } of vectors.invalidPacket) {
  Deno.test(`invalid packet vector: ${name}`, () => {
    assertEquals(packetKind(hex(bytes)), null);
    assertThrows(() => decodePacket(hex(bytes)), WireError, "malformed");
  });
}

Deno.test("sequence numbers stand in a head at their limits", () => {
  for (const sequence of [0, 1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 47, 2 ** 48 - 2]) {
    const packet = new Uint8Array(40);
    writeHead(packet, 0, new Uint8Array(8), sequence);
    assertEquals((decodePacket(packet) as { sequence: number }).sequence, sequence);
    assertEquals(BigInt(`0x${packet.subarray(8, 14).toHex()}`), BigInt(sequence));
  }
});

Deno.test("a handle is found until it ends, and no other", () => {
  const random = new Random(1);
  // The second handle drawn begins like the first one, so another is drawn in its place.
  const drawn = [random.bytes(8), random.bytes(8), random.bytes(8)];
  drawn[1]!.set(drawn[0]!.subarray(0, 6));
  const table = new HandleTable<string>((into) => into.set(drawn.shift()!));
  const [one, two] = [table.add("one"), table.add("two")];
  assertEquals([table.find(one), table.find(two), table.size], ["one", "two", 2]);
  for (let bit = 0; bit < 64; bit++) {
    const other = one.slice();
    other[bit >> 3]! ^= 1 << (bit & 7);
    assertEquals(table.find(other), undefined);
  }
  table.remove(one);
  assertEquals([table.find(one), table.find(two), table.size], [undefined, "two", 1]);
});
