/**
 * A generator of random numbers that fails when a key or a mask is due ends the session, and nothing is sent that was to
 * have it. Pads have their own here, which goes on: see failing_pads_test.ts.
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { ChannelError } from "../../src/association/association.ts";
import { PadError } from "../../src/sharing/guarded_pads.ts";
import type { PadSource } from "../../src/sharing/system_pads.ts";
import { writeAll } from "../../src/net/connection.ts";
import { settle } from "../support/time/fake_clock.ts";
import { readToEnd } from "../support/handlers/pair.ts";
import { finishPair, type Session, startSession } from "../support/handlers/session_pair.ts";
import { type Watched, watchedPair } from "./watched.ts";

type GetRandomValues = typeof crypto.getRandomValues;

/** How it fails, from its first bad number on. */
const FAILURES: Readonly<Record<string, (into: Uint8Array, real: PadSource) => void>> = {
  "throws": () => {
    throw new Error("no entropy");
  },
  "gives zeros": (into) => void into.fill(0),
  "gives nothing": () => {},
  "stops short": (into, real) => real(into.subarray(0, into.length >> 1)),
  "gives the same again": (into) => void into.fill(9),
};

/** What is due, on which side, when it fails; `act` brings that about. */
interface Moment {
  readonly frame: string;
  readonly by: "up" | "down";
  readonly act: (session: Session, pair: Watched) => unknown;
}

const MOMENTS: readonly Moment[] = [
  { frame: "DATA", by: "up", act: ({ application }) => writeAll(application, new Uint8Array(1000)) },
  { frame: "DATA", by: "down", act: ({ target }) => writeAll(target, new Uint8Array(1000)) },
  { frame: "END", by: "up", act: ({ application }) => application.closeWrite() },
  { frame: "END", by: "down", act: ({ target }) => target.closeWrite() },
  { frame: "PING", by: "up", act: (_, { clientFrames }) => clientFrames.ping() },
  { frame: "PING", by: "down", act: (_, { serverFrames }) => serverFrames.ping() },
  { frame: "RESET", by: "up", act: ({ application }) => application.reset() },
];

/** Puts a generator in the system's place, whose pads are the system's all the same. */
function replaced(): { readonly real: PadSource; failWith: PadSource | null } & Disposable {
  const system = crypto.getRandomValues;
  const real: PadSource = (into) => void system.call(crypto, into as Uint8Array<ArrayBuffer>);
  const state = {
    real,
    failWith: null as PadSource | null,
    [Symbol.dispose]: () => void (crypto.getRandomValues = system),
  };
  crypto.getRandomValues = ((into: Uint8Array) => {
    (state.failWith ?? real)(into);
    return into;
  }) as GetRandomValues;
  return state;
}

for (const [how, failure] of Object.entries(FAILURES)) {
  Deno.test(`a generator that ${how} where a key is due lets no session begin, and nothing leave`, async () => {
    for (const by of ["up", "down"] as const) {
      using generator = replaced();
      const pair = await watchedPair(3, { up: generator.real, down: generator.real });
      let asked = 0;
      generator.failWith = (into) => {
        // The client's key, and the mask in its OPEN, are good if it is the server's that are to fail.
        if (by === "down" && asked++ < 2) return generator.real(into);
        failure(into, generator.real);
      };
      const session = await startSession(pair);
      const outcomes = await Promise.all([session.client, session.server]);
      const error = outcomes[by === "up" ? 0 : 1];
      assert(error instanceof PadError || error?.message === "no entropy", `${by}: ${error}`);
      assertEquals(pair.shares(by).map(({ length }) => length), [0, 0, 0], by);
      generator.failWith = null;
      for (const end of [session.application, session.target]) {
        assertInstanceOf((await readToEnd(end)).error, Deno.errors.ConnectionReset, by);
      }
      await finishPair(pair, session.application, session.target);
    }
  });

  Deno.test(`a generator that ${how} where a mask is due resets both applications before a further frame leaves`, async () => {
    for (const { frame, by, act } of MOMENTS) {
      using generator = replaced();
      const pair = await watchedPair(3, { up: generator.real, down: generator.real });
      const session = await startSession(pair);
      await settle();
      const what = `${frame} ${by}`;
      generator.failWith = (into) => failure(into, generator.real);
      // One that repeats itself is noticed at its second number.
      if (how === "gives the same again") await repeatOnce(session, by);
      const left = pair.shares(by).map(({ length }) => length);
      await Promise.resolve(act(session, pair)).catch(() => {});
      const [near, far] = by === "up"
        ? [await session.client, await session.server]
        : [await session.server, await session.client];
      if (frame !== "RESET") assert(near instanceof PadError || near?.message === "no entropy", `${what}: ${near}`);
      assertInstanceOf(far, ChannelError, what);
      assertEquals(pair.shares(by).map(({ length }) => length), left, what);
      generator.failWith = null;
      const ends = frame === "RESET" ? [session.target] : [session.application, session.target];
      for (const end of ends) assertInstanceOf((await readToEnd(end)).error, Deno.errors.ConnectionReset, what);
      await finishPair(pair, session.application, session.target);
    }
  });
}

/** Has a frame sent, whose mask is the first of those that are all the same. */
async function repeatOnce(session: Session, by: "up" | "down"): Promise<void> {
  const [from, to] = by === "up" ? [session.application, session.target] : [session.target, session.application];
  await writeAll(from, Uint8Array.of(1));
  await to.read(new Uint8Array(1));
  await settle();
}
