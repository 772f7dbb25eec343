/**
 * A random number generator that fails when a direction's keys are due ends the association, and nothing is sent in that
 * direction. Pads have a separate generator here, which keeps working; see failing_pads_test.ts.
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { ChannelError } from "../../src/association/channel_error.ts";
import { PadError } from "../../src/sharing/guarded_pads.ts";
import type { PadSource } from "../../src/sharing/system_pads.ts";
import { settle } from "../support/time/fake_clock.ts";
import { readAll, readToEnd, sendAll } from "../support/handlers/pair.ts";
import { finishPair, startSession } from "../support/handlers/session_pair.ts";
import { watchedPair } from "./watched.ts";

type GetRandomValues = typeof crypto.getRandomValues;

const REPEATS = "gives the same again";

/** Failures of the generator, from its first bad number on. */
const FAILURES: Readonly<Record<string, (into: Uint8Array, real: PadSource, by: "up" | "down") => void>> = {
  "throws": () => {
    throw new Error("no entropy");
  },
  "gives zeros": (into) => void into.fill(0),
  "gives nothing": () => {},
  "stops short": (into, real) => real(into.subarray(0, into.length >> 1)),
  [REPEATS]: (into, _, by) => void into.fill(by === "up" ? 8 : 9),
};

/** Replaces the system's generator, except for pads. */
function replaced(): { readonly real: PadSource; instead: PadSource | null } & Disposable {
  const system = crypto.getRandomValues;
  const real: PadSource = (into) => {
    for (let at = 0; at < into.length; at += 65_536) {
      system.call(crypto, into.subarray(at, at + 65_536) as Uint8Array<ArrayBuffer>);
    }
  };
  const state = {
    real,
    instead: null as PadSource | null,
    [Symbol.dispose]: () => void (crypto.getRandomValues = system),
  };
  crypto.getRandomValues = ((into: Uint8Array) => {
    (state.instead ?? real)(into);
    return into;
  }) as GetRandomValues;
  return state;
}

for (const [how, failure] of Object.entries(FAILURES)) {
  Deno.test(`a generator that ${how} for a direction's keys lets nothing leave in it, and both applications are reset`, async () => {
    for (const by of ["up", "down"] as const) {
      using generator = replaced();
      const { real } = generator, pads = { up: real, down: real };
      const pair = await watchedPair(3, pads);
      // A repetition is noticed at the second number: that of another association, or of the other direction.
      const before = await watchedPair(2, pads);
      let good = by === "down" && how !== REPEATS ? 1 : 0, asked = 0;
      generator.instead = (into) => {
        asked++;
        if (good-- > 0) return real(into);
        failure(into, real, by);
      };
      if (by === "up" && how === REPEATS) {
        before.clientStreams.ping();
        await settle();
      }
      await finishPair(before);
      const session = await startSession(pair);
      const [client, server] = await Promise.all([session.client, session.server]);
      const [near, far] = by === "up" ? [client, server] : [server, client];
      assert(near instanceof PadError || near?.message === "no entropy", `${by}: ${near}`);
      assertInstanceOf(far, ChannelError, by);
      assertEquals(pair.shares(by).map(({ length }) => length), [0, 0, 0], by);
      // Nor is the generator asked again.
      assertEquals(asked, by === "down" || how === REPEATS ? 2 : 1);
      generator.instead = null;
      for (const end of [session.application, session.target]) {
        assertInstanceOf((await readToEnd(end)).error, Deno.errors.ConnectionReset, by);
      }
      await finishPair(pair, session.application, session.target);
    }
  });
}

Deno.test("a generator that fails later harms nothing: a direction's keys are drawn once", async () => {
  using generator = replaced();
  const pair = await watchedPair(3, { up: generator.real, down: generator.real });
  let asked = 0;
  generator.instead = (into) => {
    if (++asked > 2) throw new Error("no entropy");
    generator.real(into);
  };
  for (let i = 0; i < 3; i++) {
    const { application, target, client, server } = await startSession(pair), said = new Uint8Array(200_000).fill(i);
    const [up, down] = await Promise.all([
      readAll(target),
      readAll(application),
      sendAll(application, said),
      sendAll(target, said),
    ]);
    assertEquals([up.length, down.length, await client, await server], [200_000, 200_000, null, null]);
    pair.clientStreams.ping();
    pair.serverStreams.ping();
    application.close();
    target.close();
  }
  await settle();
  assertEquals(asked, 2);
  await finishPair(pair);
});
