/** The rooms for shares in the module's memory, which all links of a thread use. */
import { assert, assertEquals } from "@std/assert";
import { DatagramCounts } from "../../src/datagrams/counts.ts";
import { HandleTable } from "../../src/datagrams/handles.ts";
import { DatagramLink, type LinkChannel } from "../../src/datagrams/link.ts";
import { ROOM_COUNT } from "../../src/datagrams/memory.ts";
import { PacketKind, writeHead } from "../../src/datagrams/packet.ts";
import { RING_ENTRIES, ShareRing } from "../../src/datagrams/share_ring.ts";
import { DatagramBatch } from "../../src/net/datagram.ts";
import { ENDPOINT_WORDS } from "../../src/net/endpoint.ts";
import { xor } from "../../src/sharing/xor.ts";
import { Random } from "../support/random/random.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const NOWHERE = new Uint32Array(ENDPOINT_WORDS), random = new Random(3).fill;

/** Reports whether a share gets a room. */
function hasRoom(): boolean {
  const ring = new ShareRing();
  ring.put(0, new Uint8Array(100), NOWHERE, 0, 0);
  const address = ring.addressOf(0);
  ring.clear();
  return address > 0;
}

function makeLink(clock: FakeClock): DatagramLink {
  const handles = new HandleTable<LinkChannel>(random), counts = new DatagramCounts();
  const link = new DatagramLink({
    ...{ ports: [null, null, null], remotes: null, scheme: xor, threshold: 3, pads: random, clock, handles, counts },
    forged: () => {},
    failed: (error) => {
      throw error;
    },
  });
  link.accept({ key: new Uint8Array(16).fill(1), handles: [1, 2, 3].map((byte) => new Uint8Array(8).fill(byte)) });
  return link;
}

Deno.test("shares that wait at an association's end give their rooms back, so that a flood takes none for good", async () => {
  const clock = new FakeClock(), batch = new DatagramBatch(1, 100), packet = new Uint8Array(64);
  for (let links = 0; links < 4; links++) {
    const link = makeLink(clock);
    for (let sequence = 0; sequence < RING_ENTRIES; sequence++) {
      writeHead(packet, 0, link.means.handles[0]!, sequence);
      link.receive(0, PacketKind.Share, packet, batch, 0);
    }
    assertEquals(hasRoom(), true);
    link.close();
  }
  assert(4 * RING_ENTRIES > ROOM_COUNT);
  assert(hasRoom());
  await clock.advance(1000);
  assertEquals(clock.pending, 0);
});

Deno.test("when all rooms are taken, shares are held outside of them", () => {
  const rings = [1, 2, 3].map(() => new ShareRing()), packet = new Uint8Array(100).fill(7);
  for (const ring of rings) {
    for (let sequence = 0; sequence < RING_ENTRIES; sequence++) ring.put(sequence, packet, NOWHERE, 0, 0);
  }
  const outside = rings.flatMap((ring) =>
    Array.from({ length: RING_ENTRIES }, (_, sequence) => ring.addressOf(sequence) === 0)
  );
  assertEquals(outside.filter((one) => one).length, 3 * RING_ENTRIES - ROOM_COUNT);
  for (const ring of rings) assertEquals(ring.shareOf(5), packet.subarray(14));
  for (const ring of rings) ring.clear();
  assertEquals(rings.map(({ count, bytes }) => [count, bytes]), [[0, 0], [0, 0], [0, 0]]);
  assert(hasRoom());
});
