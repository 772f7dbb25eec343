import type { Address } from "../net/address.ts";
import type { Clock } from "../net/clock.ts";
import { type Connection, type Network, readFull, writeAll } from "../net/connection.ts";
import { BLOCK, countArriving } from "./counting.ts";
import { COUNT_LENGTH, decodeCount, encodeRequest, type Mode, REQUEST_LENGTH } from "./protocol.ts";

/** What measuring needs. */
export interface Measuring {
  /** Makes the connections. */
  readonly network: Network;
  /** Tells time. */
  readonly clock: Clock;
  /** How long each measurement takes, in milliseconds, its ramp apart; at most 60,000. */
  readonly window: number;
  /** How long an answer may take, in milliseconds. */
  readonly patience: number;
}

/** What answers is not what should, or does not answer at all; the message says what, in a few words. */
export class AnswerError extends Error {
  /** "AnswerError". */
  override name = "AnswerError";
}

/** How much longer the slow start of TCP may take, for each part of the window. */
const RAMP = 0.25;

/**
 * How fast bytes get through, in bits a second.
 *
 * @param mode "up" is to the address, "down" from it; counted where they arrive.
 * @throws {AnswerError} When nothing answers as it should.
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
 * How long one byte takes there and back, again and again on one connection, in microseconds each.
 *
 * @throws {AnswerError} When nothing answers as it should.
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

/** Writes until the other side says what has come. */
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
  let forget = clock.after(patience, abort);
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
      throw new AnswerError("what answers there is no micss bench --answer");
    }
    forget();
    forget = clock.after(times.ramp + times.window + patience, abort);
    return await measure(connection, times);
  } catch (error) {
    throw giveUp.signal.aborted ? giveUp.signal.reason : error;
  } finally {
    forget();
    connection?.reset();
  }
}
