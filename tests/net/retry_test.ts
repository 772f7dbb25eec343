import { assert, assertEquals, assertRejects } from "@std/assert";
import { isDisconnect, isUnavailable, retry } from "../../src/net/retry.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const refused = () => new Deno.errors.ConnectionRefused("Connection refused");

Deno.test("a refused or broken connection may recover, also as a cause; other errors are final", () => {
  for (const error of [refused(), new Deno.errors.ConnectionReset(), new Deno.errors.UnexpectedEof()]) {
    assertEquals([isUnavailable(error), isUnavailable(new Error("above", { cause: error }))], [true, true]);
  }
  for (const error of [new Error("Network is unreachable"), new TypeError("a bug"), undefined, "text"]) {
    assertEquals(isUnavailable(error), false);
  }
  assertEquals(isDisconnect(refused()), false);
});

Deno.test("attempts continue until one succeeds, with growing but short pauses", async () => {
  for (const away of [0, 10, 700, 4_500]) {
    const clock = new FakeClock();
    const attempts: number[] = [];
    const attempt = () => {
      attempts.push(clock.now());
      return clock.now() < away ? Promise.reject(refused()) : Promise.resolve("there");
    };
    assertEquals(await clock.until(retry(attempt, { clock, timeout: 5_000, retryable: isUnavailable }), 1), "there");
    const pauses = attempts.slice(1).map((at, index) => at - attempts[index]!);
    assert(pauses.every((pause, index) => pause <= 400 && pause >= (pauses[index - 1] ?? 25)), `${pauses}`);
    assert(attempts.at(-1)! - away <= 400 && attempts.length < 20, `${attempts}`);
  }
});

Deno.test("the last failure is thrown when the time is over, and a final one immediately", async () => {
  const clock = new FakeClock();
  const away = retry(() => Promise.reject(refused()), { clock, timeout: 5_000, retryable: isUnavailable });
  await assertRejects(() => clock.until(away), Deno.errors.ConnectionRefused);
  assert(clock.now() > 4_000 && clock.now() <= 5_000 + 50, `${clock.now()}`);
  const wrong = () => Promise.reject(new TypeError("wrong"));
  await assertRejects(() => retry(wrong, { clock, timeout: 5_000, retryable: isUnavailable }), TypeError, "wrong");
  assertEquals(clock.pending, 0);
});

Deno.test("a timeout of 0 allows one attempt", async () => {
  let attempts = 0;
  const attempt = () => {
    attempts++;
    return Promise.reject(refused());
  };
  const clock = new FakeClock();
  await assertRejects(
    () => retry(attempt, { clock, timeout: 0, retryable: isUnavailable }),
    Deno.errors.ConnectionRefused,
  );
  assertEquals(attempts, 1);
});

Deno.test("an abort ends a pause immediately", async () => {
  const [clock, giveUp] = [new FakeClock(), new AbortController()];
  const trying = retry(() => Promise.reject(refused()), {
    ...{ clock, timeout: 5_000, retryable: isUnavailable, signal: giveUp.signal },
  });
  await clock.advance(100);
  giveUp.abort(new Error("the handler is ending"));
  await assertRejects(() => trying, Error, "the handler is ending");
  assertEquals(clock.pending, 0);
});
