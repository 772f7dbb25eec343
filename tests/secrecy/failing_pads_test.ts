/** A failing source of pads ends the session: both applications are reset, and no further share is sent. */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { PadError } from "../../src/sharing/guarded_pads.ts";
import { type PadSource, systemPads } from "../../src/sharing/system_pads.ts";
import { readToEnd } from "../support/handlers/pair.ts";
import { settle } from "../support/time/fake_clock.ts";
import { writeAll } from "../../src/net/connection.ts";
import { finishPair, startSession } from "../support/handlers/session_pair.ts";
import { watchedPair } from "./watched.ts";

/** Failures of a source, from its first bad pad on. */
const FAILURES: Readonly<Record<string, PadSource>> = {
  "throws": () => {
    throw new Error("no entropy");
  },
  "gives zeros": (into) => void into.fill(0),
  "gives nothing": () => {},
  "stops short": (into) => systemPads(into.subarray(0, into.length >> 1)),
  "gives the same again": (into) => void into.fill(9),
};

/** The first share without a valid pad. */
const MOMENTS = ["the first frame", "DATA", "more DATA", "PING", "END"] as const;

for (
  const [how, failure, short] of Object.entries(FAILURES).flatMap(([how, failure]) => [
    [how, failure, false] as const,
    [how, failure, true] as const,
  ])
) {
  const which = short ? "another short share" : "another share";
  Deno.test(`a source of pads that ${how} resets both applications before ${which} is sent`, async () => {
    for (const direction of ["up", "down"] as const) {
      for (const moment of MOMENTS) {
        let failing = false, leftBy: number[] | null = null;
        const pads: PadSource = (into) => {
          if (!failing) return systemPads(into);
          // A repetition is noticed at the second pad, at the latest that of the same piece.
          leftBy ??= pair.shares(direction).map(({ length }) => length);
          failure(into);
        };
        const sources = { up: systemPads, down: systemPads, [direction]: pads };
        const pair = await watchedPair(3, sources, short);
        failing = moment === "the first frame";
        const session = await startSession(pair);
        const [from, to] = direction === "up"
          ? [session.application, session.target]
          : [session.target, session.application];
        const ends = Promise.all([readToEnd(from), readToEnd(to)]);
        await settle();
        failing ||= moment === "DATA";
        await writeAll(from, new Uint8Array(1000)).catch(() => {});
        await settle();
        failing ||= moment === "more DATA";
        await writeAll(from, new Uint8Array(5000)).catch(() => {});
        await settle();
        failing ||= moment === "PING" || moment === "END";
        if (moment === "PING") (direction === "up" ? pair.clientStreams : pair.serverStreams).ping();
        else await from.closeWrite().catch(() => {});
        const what = `${direction}, at ${moment}`;
        for (const { error } of await ends) assertInstanceOf(error, Deno.errors.ConnectionReset, what);
        const [near, far] = direction === "up"
          ? [await session.client, await session.server]
          : [await session.server, await session.client];
        assert(near instanceof PadError || near?.message === "no entropy", `${what}: ${near}`);
        assert(far !== null, what);
        await finishPair(pair, session.application, session.target);
        assertEquals(pair.shares(direction).map(({ length }) => length), leftBy, what);
      }
    }
  });
}
