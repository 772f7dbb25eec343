import type { Scheme } from "../sharing/scheme.ts";
import type { Inlet } from "./inlet.ts";
import type { ChannelFailed } from "./split.ts";

/**
 * The incoming half of an association: joins the shares that arrive on n channels to message bytes (paper, section
 * III-E).
 *
 * Only what has arrived on all channels can be joined, and a channel that is `READ_AHEAD` bytes ahead of that is not
 * read on: so the one that is furthest behind always is, and less than 2 n times that much is held.
 *
 * A chunk is lent until the next `read`. The stream closes when a channel has ended in order, and fails when one has
 * failed, in either case after all that came whole.
 *
 * @param inlets The channels' inlets, one a share.
 */
export function joinFrom(
  inlets: readonly Inlet[],
  scheme: Scheme,
  failed: ChannelFailed,
): ReadableStream<Uint8Array> {
  let lent = 0;
  let wake: (() => void) | null = null;

  const changed = (): void => {
    for (const inlet of inlets) inlet.read();
    wake?.();
    wake = null;
  };
  for (const inlet of inlets) inlet.changed = changed;

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (lent > 0) inlets[0]!.drop(lent);
      lent = 0;
      for (const inlet of inlets) inlet.read();
      while (!inlets.every((inlet) => inlet.available > 0)) {
        const index = inlets.findIndex((inlet) => inlet.ended !== null && inlet.available === 0);
        if (index >= 0) {
          const { cause } = inlets[index]!.ended!;
          const error = failed(index, cause);
          if (cause !== null) throw error;
          controller.close();
          return;
        }
        await new Promise<void>((resolve) => wake = resolve);
      }
      const fronts = inlets.map((inlet) => inlet.front());
      lent = Math.min(...fronts.map((front) => front.length));
      const shares = fronts.map((front) => front.subarray(0, lent));
      scheme.join(shares);
      for (const inlet of inlets.slice(1)) {
        inlet.drop(lent);
        inlet.read();
      }
      controller.enqueue(shares[0]!);
    },
  }, { highWaterMark: 0 });
}
