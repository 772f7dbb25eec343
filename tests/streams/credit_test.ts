/** Credit: an application that does not read stops only itself, and a window grows only where that helps. */
import { assert, assertEquals } from "@std/assert";
import { CreditBudget } from "../../src/streams/credit_budget.ts";
import { FrameType, INITIAL_CREDIT, ResetCode, ResultCode } from "../../src/wire/frame.ts";
import { encode } from "../../src/wire/frame_encoder.ts";
import { dataFrame } from "../support/wire/frames.ts";
import { OPEN } from "../support/handlers/session_pair.ts";
import { bothSides, type ByHand, byHand, end, open, quiet, Receiver, send, type SideOptions } from "./sides.ts";

const MAX = 1024 * 1024;

/** A budget that tells how much is taken from it. */
class Watched extends CreditBudget {
  taken = 0;
  override take(bytes: number): boolean {
    const has = super.take(bytes);
    if (has) this.taken += bytes;
    return has;
  }
  override give(bytes: number): void {
    super.give(bytes);
    this.taken -= bytes;
  }
}

/** A server with stream 1 open, whose application reads as the test says. */
async function receiving(options: SideOptions = {}) {
  const budget = new Watched();
  const pair = await byHand("server", {
    budget,
    maxCredit: () => MAX,
    receiver: () => new Receiver(false),
    ...options,
  });
  await pair.peer.send(encode.open(1, OPEN));
  await quiet();
  return { ...pair, budget, receiver: pair.side.receivers[0]! };
}

/** Sends as many bytes as DATA. */
async function pour({ peer }: ByHand, bytes: number, stream = 1): Promise<void> {
  for (let left = bytes; left > 0; left -= 65_000) {
    await peer.send(dataFrame(stream, new Uint8Array(Math.min(left, 65_000))));
  }
  await quiet();
}

/** All credit that has arrived since the last call. */
async function granted({ peer }: ByHand): Promise<number> {
  await quiet();
  let sum = 0;
  for (const frame of peer.heard.splice(0)) if (frame.type === FrameType.Credit) sum += frame.increment;
  return sum;
}

Deno.test("credit is granted once half of the window has been taken, as much as was taken", async () => {
  const pair = await receiving();
  await pour(pair, INITIAL_CREDIT);
  pair.receiver.take(INITIAL_CREDIT / 2 - 1);
  assertEquals(await granted(pair), 0);
  pair.receiver.take(1);
  assertEquals(await granted(pair), INITIAL_CREDIT / 2);
  await pair.clock.advance(20);
  pair.receiver.take();
  assertEquals(await granted(pair), INITIAL_CREDIT / 2);
  await pair.finish();
});

Deno.test("nothing is granted on a stream that has brought END, or is over", async () => {
  for (const frame of [encode.end(1), encode.reset(1, ResetCode.Application)]) {
    const pair = await receiving();
    await pour(pair, INITIAL_CREDIT);
    await pair.peer.send(encode.blocked(1), frame);
    await quiet();
    pair.receiver.take();
    assertEquals(await granted(pair), 0);
    await pair.finish();
  }
});

Deno.test("a sender sends no byte beyond its credit, and BLOCKED once each time that it is used up", async () => {
  const { side, peer, finish } = await byHand("client");
  const stream = open(side);
  const ended = send(stream, new Uint8Array(200_000)).then(() => end(stream));
  const receive = async () => {
    await quiet();
    let bytes = 0, blocked = 0, ends = 0;
    for (const frame of peer.heard.splice(0)) {
      if (frame.type === FrameType.Data) bytes += frame.bytes.length;
      if (frame.type === FrameType.Blocked) blocked++;
      if (frame.type === FrameType.End) ends++;
    }
    return [bytes, blocked, ends];
  };
  assertEquals(await receive(), [INITIAL_CREDIT, 1, 0]);
  assertEquals(await receive(), [0, 0, 0]);
  await peer.send(encode.result(1, ResultCode.Ok), encode.credit(1, 1));
  assertEquals(await receive(), [1, 1, 0]);
  await peer.send(encode.credit(1, 100), encode.credit(1, 900));
  assertEquals(await receive(), [1000, 1, 0]);
  const rest = 200_000 - INITIAL_CREDIT - 1001;
  await peer.send(encode.credit(1, rest));
  // No credit is left, and nothing that needs it.
  assertEquals(await receive(), [rest, 0, 1]);
  await ended;
  assertEquals(side.counters.creditWaits, 3);
  await finish();
});

Deno.test("without credit a stream can be half-closed and reset", async () => {
  for (const how of ["end", "reset"] as const) {
    const { side, peer, finish } = await byHand("client");
    const stream = open(side);
    await send(stream, new Uint8Array(INITIAL_CREDIT));
    await peer.drain();
    if (how === "end") end(stream);
    else stream.reset(ResetCode.Application);
    assertEquals(await peer.drain(), [how.toUpperCase()]);
    await finish();
  }
});

Deno.test("an application that does not read stops only its own stream", async () => {
  const slow = new Receiver(false);
  const receivers = [slow, new Receiver()];
  const { up, down, finish } = await bothSides({ receiver: () => receivers.shift()! });
  const [stopped, other] = [open(up), open(up)];
  await quiet();
  for (const { stream } of down.receivers) stream.answer(ResultCode.Ok);
  const waiting = send(stopped, new Uint8Array(300_000)).catch(() => {});
  for (let count = 0; count < 20; count++) await send(other, new Uint8Array(100_000));
  await quiet();
  assertEquals([slow.waiting, down.receivers[1]!.bytes.length], [INITIAL_CREDIT, 2_000_000]);
  assertEquals([up.counters.creditWaits > 0, stopped.over], [true, false]);
  for (let round = 0; round < 20; round++) {
    slow.take();
    await quiet();
  }
  await waiting;
  assertEquals(slow.bytes.length, 300_000);
  await finish();
});

Deno.test("a window doubles while the application keeps up and the sender waits, up to the maximum", async () => {
  const pair = await receiving();
  let window = INITIAL_CREDIT;
  for (let round = 0; round < 8; round++) {
    await pour(pair, window);
    await pair.peer.send(encode.blocked(1));
    await quiet();
    pair.receiver.take();
    window = await granted(pair);
  }
  assertEquals([window, pair.budget.taken], [MAX, MAX - INITIAL_CREDIT]);
  await pair.finish();
  assertEquals(pair.budget.taken, 0);
});

Deno.test("a window grows if BLOCKED crosses CREDIT, as on a long path", async () => {
  const pair = await receiving();
  let window = INITIAL_CREDIT;
  for (let round = 0; round < 8; round++) {
    await pour(pair, window);
    // The application takes all at once, and BLOCKED arrives behind that; further bytes only a long way later.
    pair.receiver.take();
    await pair.peer.send(encode.blocked(1));
    window = await granted(pair);
    await pair.clock.advance(200);
  }
  assertEquals([window, pair.budget.taken], [MAX, MAX - INITIAL_CREDIT]);
  await pair.finish();
});

Deno.test("a window does not grow for an application that is slow, or for a sender that reports what is not", async () => {
  const slow = await receiving();
  for (let round = 0; round < 20; round++) {
    await pour(slow, round === 0 ? INITIAL_CREDIT : INITIAL_CREDIT / 2);
    await slow.peer.send(encode.blocked(1));
    await quiet();
    await slow.clock.advance(500);
    slow.receiver.take(INITIAL_CREDIT / 2);
    assertEquals(await granted(slow), INITIAL_CREDIT / 2);
  }
  assertEquals(slow.budget.taken, 0);
  await slow.finish();

  const liar = await receiving();
  await pour(liar, 60_000);
  for (let round = 0; round < 20; round++) await liar.peer.send(encode.blocked(1));
  assertEquals([await granted(liar), liar.budget.taken], [0, 0]);
  await liar.finish();
});

Deno.test("windows grow no further than the budget of all streams, which gets everything back", async () => {
  const budget = new CreditBudget(100_000);
  const pair = await receiving({ budget });
  const grown: number[] = [];
  for (let number = 1; number <= 3; number++) {
    if (number > 1) await pair.peer.send(encode.open(number, OPEN));
    await pour(pair, INITIAL_CREDIT, number);
    await pair.peer.send(encode.blocked(number));
    await quiet();
    pair.side.receivers[number - 1]!.take();
    grown.push(await granted(pair));
  }
  assertEquals(grown, [2 * INITIAL_CREDIT, INITIAL_CREDIT, INITIAL_CREDIT]);
  assertEquals(budget.take(100_000 - INITIAL_CREDIT + 1), false);
  await pair.peer.send(encode.reset(1, ResetCode.Application));
  await quiet();
  assertEquals(budget.take(100_000), true);
  budget.give(100_000);
  await pair.finish();
  assertEquals([budget.take(100_000), budget.take(1)], [true, false]);
});

Deno.test("a lower maximum stops windows from growing, and takes nothing back", async () => {
  let max = 4 * INITIAL_CREDIT;
  const pair = await receiving({ maxCredit: () => max });
  const round = async (window: number) => {
    await pour(pair, window);
    await pair.peer.send(encode.blocked(1));
    await quiet();
    pair.receiver.take();
    return await granted(pair);
  };
  assertEquals(await round(INITIAL_CREDIT), 2 * INITIAL_CREDIT);
  max = INITIAL_CREDIT;
  assertEquals(await round(2 * INITIAL_CREDIT), 2 * INITIAL_CREDIT);
  max = 3 * INITIAL_CREDIT;
  assertEquals(await round(2 * INITIAL_CREDIT), 3 * INITIAL_CREDIT);
  await pair.finish();
});

Deno.test("the budget gets back what a window has of it when the stream fails, or when all has been taken", async () => {
  for (const how of ["their reset", "own reset", "both ends, taken later", "both ends, then a failure", "the end"]) {
    const pair = await receiving();
    await pour(pair, INITIAL_CREDIT);
    await pair.peer.send(encode.blocked(1));
    await quiet();
    pair.receiver.take();
    await pour(pair, 1000);
    assertEquals(pair.budget.taken, INITIAL_CREDIT, how);
    const { stream } = pair.receiver;
    if (how.startsWith("both ends")) {
      stream.answer(ResultCode.Ok);
      end(stream);
      await pair.peer.send(encode.end(1));
      await quiet();
      assertEquals([stream.over, pair.budget.taken], [true, INITIAL_CREDIT]);
      pair.receiver.take(999);
      assertEquals(pair.budget.taken, INITIAL_CREDIT);
      if (how.endsWith("failure")) stream.reset(ResetCode.Application);
      else pair.receiver.take(1);
    } else if (how === "their reset") await pair.peer.send(encode.reset(1, ResetCode.Application));
    else if (how === "own reset") stream.reset(ResetCode.Application);
    else pair.server.end();
    await quiet();
    assertEquals(pair.budget.taken, 0, how);
    stream.reset(ResetCode.Application);
    assertEquals(pair.budget.taken, 0, how);
    await pair.finish();
  }
});

Deno.test("a budget gives no more than it has", () => {
  const budget = new CreditBudget(10);
  assert(budget.take(4) && !budget.take(7) && budget.take(6) && !budget.take(1));
  budget.give(3);
  assert(budget.take(3) && !budget.take(1));
  assert(new CreditBudget().take(64 * 1024 * 1024) && !new CreditBudget().take(64 * 1024 * 1024 + 1));
});
