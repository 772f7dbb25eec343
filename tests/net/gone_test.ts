import { assert, assertEquals, assertRejects } from "@std/assert";
import { isAway, isGone, tryAgain } from "../../src/net/gone.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const refused = () => new Deno.errors.ConnectionRefused("Connection refused");

Deno.test("a refused or broken connection is away, also as a cause; what goes on wrong is not", () => {
  for (const error of [refused(), new Deno.errors.ConnectionReset(), new Deno.errors.UnexpectedEof()]) {
    assertEquals([isAway(error), isAway(new Error("above", { cause: error }))], [true, true]);
  }
  for (const error of [new Error("Network is unreachable"), new TypeError("a bug"), undefined, "text"]) {
    assertEquals(isAway(error), false);
  }
  assertEquals(isGone(refused()), false);
});

Deno.test("attempts go on until one succeeds, with pauses that grow and stay short", async () => {
  for (const away of [0, 10, 700, 4_500]) {
    const clock = new FakeClock();
    const attempts: number[] = [];
    const attempt = () => {
      attempts.push(clock.now());
      return clock.now() < away ? Promise.reject(refused()) : Promise.resolve("there");
    };
    assertEquals(await clock.until(tryAgain(attempt, { clock, during: 5_000, passes: isAway }), 1), "there");
    const pauses = attempts.slice(1).map((at, index) => at - attempts[index]!);
    assert(pauses.every((pause, index) => pause <= 400 && pause >= (pauses[index - 1] ?? 25)), `${pauses}`);
    assert(attempts.at(-1)! - away <= 400 && attempts.length < 20, `${attempts}`);
  }
});

Deno.test("the last failure is thrown when the time is over, and any other failure at once", async () => {
  const clock = new FakeClock();
  const away = tryAgain(() => Promise.reject(refused()), { clock, during: 5_000, passes: isAway });
  await assertRejects(() => clock.until(away), Deno.errors.ConnectionRefused);
  assert(clock.now() > 4_000 && clock.now() <= 5_000 + 50, `${clock.now()}`);
  const wrong = () => Promise.reject(new TypeError("wrong"));
  await assertRejects(() => tryAgain(wrong, { clock, during: 5_000, passes: isAway }), TypeError, "wrong");
  assertEquals(clock.pending, 0);
});

Deno.test("without time there is one attempt", async () => {
  let attempts = 0;
  const attempt = () => {
    attempts++;
    return Promise.reject(refused());
  };
  const clock = new FakeClock();
  await assertRejects(() => tryAgain(attempt, { clock, during: 0, passes: isAway }), Deno.errors.ConnectionRefused);
  assertEquals(attempts, 1);
});

Deno.test("an abort ends a pause at once", async () => {
  const [clock, giveUp] = [new FakeClock(), new AbortController()];
  const trying = tryAgain(() => Promise.reject(refused()), {
    ...{ clock, during: 5_000, passes: isAway, signal: giveUp.signal },
  });
  await clock.advance(100);
  giveUp.abort(new Error("the handler is ending"));
  await assertRejects(() => trying, Error, "the handler is ending");
  assertEquals(clock.pending, 0);
});
