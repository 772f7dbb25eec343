/**
 * A random number generator that fails for a key or a mask ends the session, and nothing that needs it is sent. Pads have
 * a separate generator here, which keeps working; see failing_pads_test.ts.
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

/** Failures of the generator, from its first bad number on. */
const FAILURES: Readonly<Record<string, (into: Uint8Array, real: PadSource) => void>> = {
  "throws": () => {
    throw new Error("no entropy");
  },
  "gives zeros": (into) => void into.fill(0),
  "gives nothing": () => {},
  "stops short": (into, real) => real(into.subarray(0, into.length >> 1)),
  "gives the same again": (into) => void into.fill(9),
};

/** The frame due at the failure, its direction, and the action that causes it. */
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

/** Replaces the system's generator, except for pads. */
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
  Deno.test(`a generator that ${how} for a key starts no session, and nothing is sent`, async () => {
    for (const by of ["up", "down"] as const) {
      using generator = replaced();
      const pair = await watchedPair(3, { up: generator.real, down: generator.real });
      let asked = 0;
      generator.failWith = (into) => {
        // If the server's numbers are to fail, the client's key and the mask in its OPEN stay good.
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

  Deno.test(`a generator that ${how} for a mask resets both applications before a further frame is sent`, async () => {
    for (const { frame, by, act } of MOMENTS) {
      using generator = replaced();
      const pair = await watchedPair(3, { up: generator.real, down: generator.real });
      const session = await startSession(pair);
      await settle();
      const what = `${frame} ${by}`;
      generator.failWith = (into) => failure(into, generator.real);
      // A repetition is noticed at the second number.
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

/** Sends a frame whose mask is the first of the equal ones. */
async function repeatOnce(session: Session, by: "up" | "down"): Promise<void> {
  const [from, to] = by === "up" ? [session.application, session.target] : [session.target, session.application];
  await writeAll(from, Uint8Array.of(1));
  await to.read(new Uint8Array(1));
  await settle();
}
