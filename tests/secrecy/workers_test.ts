/** A process's workers have separate generators, with different pads. */
import { assertEquals } from "@std/assert";

/** Bytes that each worker takes from each source. */
const SIZE = 1 << 20;

const PROGRAM = `
import { aesPads } from ${JSON.stringify(import.meta.resolve("../../src/sharing/aes_pads.ts"))};
import { systemPads } from ${JSON.stringify(import.meta.resolve("../../src/sharing/system_pads.ts"))};
const all = [systemPads, aesPads(systemPads)].filter((source) => source !== null).map((source) => {
  const pads = new Uint8Array(${SIZE});
  // In pieces, as they are taken.
  for (let at = 0; at < pads.length; at += 65536) source(pads.subarray(at, at + 65536));
  return pads;
});
self.postMessage(all);
`;

/** A new worker's pads from each source. */
async function padsOfWorker(): Promise<Uint8Array[]> {
  const url = URL.createObjectURL(new Blob([PROGRAM], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
    });
  } finally {
    worker.terminate();
    URL.revokeObjectURL(url);
  }
}

Deno.test("three concurrent workers' pads have no 8 consecutive bytes in common", async () => {
  const given = (await Promise.all([padsOfWorker(), padsOfWorker(), padsOfWorker()])).flat();
  // At every eighth byte of one against every byte of another would take long: pieces of the same stream that are shifted
  // against each other by a multiple of 8, or not at all, are what a shared state would give.
  const windows = new Set<bigint>();
  let count = 0;
  for (const pads of given) {
    const view = new DataView(pads.buffer, pads.byteOffset, pads.length);
    for (let at = 0; at + 8 <= pads.length; at += 8, count++) windows.add(view.getBigUint64(at));
  }
  // Of 800,000 random windows two are the same with a probability of 2^-25.
  assertEquals([windows.size, count >= 3 * SIZE / 8], [count, true]);
});
