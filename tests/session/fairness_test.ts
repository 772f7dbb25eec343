/** Sessions that share the byte budget leave it once each, however they end. */
import { assertEquals } from "@std/assert";
import { fairness } from "../../src/net/fairness.ts";
import { settle } from "../support/time/fake_clock.ts";
import { finishPair, sessionPair, startSession } from "../support/handlers/session_pair.ts";

/** Counts the sessions that share the budget, until `restore` is called. */
function counted() {
  const counts = { open: 0, joined: 0 }, { join, leave } = fairness;
  fairness.join = () => {
    counts.open++;
    counts.joined++;
    join.call(fairness);
  };
  fairness.leave = () => {
    counts.open--;
    leave.call(fairness);
  };
  return { counts, restore: () => void Object.assign(fairness, { join, leave }) };
}

const ENDS = {
  "in order": ({ application, target }) => Promise.all([application.closeWrite(), target.closeWrite()]),
  "by the application's reset": ({ application }) => application.reset(),
  "by a half-close, and then the target's reset": async ({ application, target }) => {
    await application.closeWrite();
    await settle();
    target.reset();
  },
  "with their association": (_, pair) => pair.client.abort(),
} satisfies Record<
  string,
  (session: Awaited<ReturnType<typeof startSession>>, pair: Awaited<ReturnType<typeof sessionPair>>) => unknown
>;

for (const [how, end] of Object.entries(ENDS)) {
  Deno.test(`sessions that end ${how} leave the byte budget once`, async () => {
    const { counts, restore } = counted();
    try {
      const pair = await sessionPair(), session = await startSession(pair);
      await settle();
      // One on the client, one on the server.
      assertEquals(counts, { open: 2, joined: 2 });
      await end(session, pair);
      await Promise.all([session.client, session.server]);
      assertEquals(counts, { open: 0, joined: 2 });
      await finishPair(pair, session.application, session.target);
    } finally {
      restore();
    }
  });
}
