import { MicssError } from "../errors/errors.ts";
import type { Address } from "../net/address.ts";
import type { Clock } from "../time/clock.ts";
import { type Connection, type Network, readFull, writeAll } from "../net/connection.ts";
import { BLOCK, countArriving } from "./counting.ts";
import { COUNT_LENGTH, decodeCount, encodeRequest, type Mode, REQUEST_LENGTH } from "./protocol.ts";

/** Options of a measurement. */
export interface Measuring {
  /** Makes the connections. */
  readonly network: Network;
  /** Measures time. */
  readonly clock: Clock;
  /** Duration of each measurement without its ramp, in milliseconds; at most 60,000. */
  readonly window: number;
  /** Time limit for an answer, in milliseconds. */
  readonly patience: number;
}

/** The peer is not an answerer, or does not answer. The message says which. */
export class AnswerError extends MicssError {}

/** Ramp for TCP's slow start, as a fraction of the window. */
const RAMP = 0.25;

/**
 * Measures throughput in bits per second, at the receiving end.
 *
 * @param mode "up" is to the address, "down" from it.
 * @throws {AnswerError} If the peer does not answer as it should.
 */
export function throughput(to: Address, mode: "up" | "down", measuring: Measuring): Promise<number> {
  return withAnswer(to, mode, measuring, async (connection, times) => {
    const { bytes, microseconds } = mode === "down"
      ? await countArriving(connection, times, measuring.clock)
      : await countThere(connection);
    return bytes * 8e6 / microseconds;
  });
}

/**
 * Measures round trips of single bytes on one connection, in microseconds each.
 *
 * @throws {AnswerError} If the peer does not answer as it should.
 */
export function roundTrips(to: Address, measuring: Measuring): Promise<number[]> {
  const { clock, window } = measuring;
  return withAnswer(to, "echo", measuring, async (connection) => {
    const byte = new Uint8Array(1), samples: number[] = [];
    for (let now = clock.now(), end = now + window; now < end;) {
      await writeAll(connection, byte);
      await readFull(connection, byte);
      const then = clock.now();
      samples.push((then - now) * 1000);
      now = then;
    }
    return samples;
  });
}

/** Writes until the peer reports its count. */
async function countThere(connection: Connection): Promise<ReturnType<typeof decodeCount>> {
  const count = new Uint8Array(COUNT_LENGTH);
  const block = new Uint8Array(BLOCK);
  let counted = false;
  const writing = (async () => {
    while (!counted) await writeAll(connection, block);
  })();
  try {
    await readFull(connection, count);
  } finally {
    counted = true;
    connection.reset();
    await writing.catch(() => {});
  }
  return decodeCount(count);
}

async function withAnswer<T>(
  to: Address,
  mode: Mode,
  { network, clock, window, patience }: Measuring,
  measure: (connection: Connection, times: { readonly ramp: number; readonly window: number }) => Promise<T>,
): Promise<T> {
  const giveUp = new AbortController();
  const abort = (): void => giveUp.abort(new AnswerError(`no answer within ${patience / 1000} s`));
  let cancel = clock.after(patience, abort);
  let connection: Connection | undefined;
  giveUp.signal.addEventListener("abort", () => connection?.reset());
  try {
    connection = await network.connect(to, giveUp.signal);
    const times = { ramp: Math.round(window * RAMP), window };
    const request = encodeRequest({ mode, ...times });
    await writeAll(connection, request);
    const answer = new Uint8Array(REQUEST_LENGTH);
    await readFull(connection, answer);
    if (!request.every((byte, at) => byte === answer[at])) {
      throw new AnswerError("the peer is not micss bench --answer");
    }
    cancel();
    cancel = clock.after(times.ramp + times.window + patience, abort);
    return await measure(connection, times);
  } catch (error) {
    throw giveUp.signal.aborted ? giveUp.signal.reason : error;
  } finally {
    cancel();
    connection?.reset();
  }
}
