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

  /** Whether there is something to join, or a channel of which nothing is left has ended. */
  const due = (): boolean => {
    let all = true;
    for (const inlet of inlets) {
      if (inlet.available > 0) continue;
      if (inlet.ended !== null) return true;
      all = false;
    }
    return all;
  };
  const changed = (): void => {
    for (let index = 0; index < inlets.length; index++) {
      const inlet = inlets[index]!;
      inlet.read();
      // At once, though what came before is still to be joined: the others may fail by then because this one did.
      if (inlet.ended !== null && inlet.ended.cause !== null) failed(index, inlet.ended.cause);
    }
    if (wake === null || !due()) return;
    wake();
    wake = null;
  };
  for (const inlet of inlets) inlet.changed = changed;

  const give = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    const index = inlets.findIndex((inlet) => inlet.ended !== null && inlet.available === 0);
    if (index >= 0) {
      const { cause } = inlets[index]!.ended!;
      const error = failed(index, cause);
      if (cause !== null) throw error;
      return controller.close();
    }
    lent = Infinity;
    for (const inlet of inlets) lent = Math.min(lent, inlet.together);
    const shares = inlets.map((inlet) => inlet.front(lent));
    scheme.join(shares);
    for (let index = 1; index < inlets.length; index++) {
      inlets[index]!.drop(lent);
      inlets[index]!.read();
    }
    controller.enqueue(shares[0]!);
  };

  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (lent > 0) inlets[0]!.drop(lent);
      lent = 0;
      for (const inlet of inlets) inlet.read();
      if (due()) return give(controller);
      return new Promise<void>((resolve) => wake = resolve).then(() => give(controller));
    },
  }, { highWaterMark: 0 });
}
