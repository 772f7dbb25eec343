/** Sessions that share associations: their counts, in metrics and status, and what their ends count as. */
import { assert, assertEquals } from "@std/assert";
import type { Association } from "../../src/association/association.ts";
import type { Shares } from "../../src/association/association_options.ts";
import { ChannelError } from "../../src/association/channel_error.ts";
import { Activity } from "../../src/observe/activity.ts";
import { collect } from "../../src/observe/collect.ts";
import type { Observable } from "../../src/observe/observable.ts";
import { handlerStatus } from "../../src/observe/status.ts";
import { NotProcessedError } from "../../src/session/session.ts";
import { WireError } from "../../src/wire/decoder.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const ADDRESSES = ["192.0.2.1", "192.0.2.2"].map((host) => ({ host, port: 6522 }));

/** An association, as far as an activity sees it. */
class Carrier {
  readonly addresses = ADDRESSES;
  readonly connections = ADDRESSES.map((local) => ({ local, remote: { host: "198.51.100.7", port: 40_000 } }));
  readonly behind = [0, 10];
  readonly away = new Set<number>();
  readonly skipped = [0, 0];
  readonly sent = [30, 20];
  readonly received = [5, 10];
  threshold = 2;
  shares: Shares = "full";
  failure: ChannelError | null = null;
  readonly #over = Promise.withResolvers<void>();
  readonly over = this.#over.promise;

  constructor(readonly id: string) {}

  get association(): Association {
    return this as unknown as Association;
  }

  awaits(): boolean {
    return false;
  }

  isLiar(): boolean {
    return false;
  }

  /** Ends it by a failure of its first channel; without a cause, in order. */
  async end(cause: unknown = null): Promise<void> {
    this.failure = new ChannelError(0, ADDRESSES[0]!, cause);
    this.#over.resolve();
    await this.over;
  }
}

/** A client handler's activity with associations. */
function began(...carriers: Carrier[]): Activity {
  const activity = new Activity(new FakeClock());
  activity.channels.know("web", ADDRESSES);
  for (const { association } of carriers) activity.begin(association, 1, "web");
  return activity;
}

let sessions = 0;

function session(activity: Activity, { association }: Carrier): (error?: unknown) => void {
  const traffic = { sent: 0, received: 0 };
  const place = activity.session({ id: `${association.id}.${++sessions}`, to: "web", port: 80, association, traffic });
  return (error) => activity.sessionOver(place, error);
}

function counts(activity: Activity): number[] {
  return [...activity.associations.values()].map(({ sessions }) => sessions);
}

function handler(activity: Activity, role: "client" | "server" = "client"): Observable {
  return { role, activity, levels: () => ({ limits: [] }) };
}

Deno.test("each association counts its sessions, which end in any order", () => {
  const [one, other] = [new Carrier("a"), new Carrier("b")];
  const activity = began(one, other);
  const ends = [one, one, other, one].map((carrier) => session(activity, carrier));
  assertEquals([counts(activity), activity.streams, activity.sessions.size], [[3, 1], 4, 4]);
  const names = [...activity.sessions].map(({ id }) => id);
  assertEquals(names.map((id) => id.split(".")[0]), ["a", "a", "b", "a"]);
  ends[1]!();
  assertEquals([counts(activity), [...activity.sessions].map(({ id }) => id)], [[2, 1], names.toSpliced(1, 1)]);
  ends[2]!(new Error("reset"));
  ends[0]!();
  ends[3]!();
  assertEquals([counts(activity), activity.streams, activity.sessions.size], [[0, 0], 0, 0]);
  assertEquals(activity.ended.entries(), [["ended", 3], ["reset", 1]]);
});

Deno.test("flows of datagrams are counted while they are open, whatever ends them", () => {
  const carrier = new Carrier("a"), activity = began(carrier);
  const { association } = carrier, about = { to: "web", port: 53, association, traffic: { sent: 0, received: 0 } };
  const [one, other] = ["a.1", "a.2"].map((id) => activity.session({ ...about, id, datagrams: true }));
  const bytes = activity.session({ ...about, id: "a.3" });
  assertEquals([activity.flows, activity.sessions.size], [2, 3]);
  activity.sessionOver(bytes);
  assertEquals(activity.flows, 2);
  activity.sessionOver(one!);
  activity.sessionOver(other!, new NotProcessedError("ending"));
  assertEquals([activity.flows, activity.sessions.size, counts(activity)], [0, 0, [0]]);
  assertEquals(activity.ended.entries(), [["ended", 2], ["reset", 0]]);
});

Deno.test("sessions that outlive their association are no streams, and end as usual", async () => {
  const [one, other] = [new Carrier("a"), new Carrier("b")];
  const activity = began(one, other);
  const ends = [one, one, other].map((carrier) => session(activity, carrier));
  await one.end(new Error("cut"));
  assertEquals([activity.associations.size, activity.streams, activity.sessions.size], [1, 1, 3]);
  ends[0]!(one.failure);
  ends[1]!(new WireError("a record's tag is wrong"));
  ends[2]!();
  assertEquals([activity.streams, activity.sessions.size], [0, 0]);
  assertEquals([activity.resets.of("channel"), activity.resets.of("protocol"), activity.ended.of("ended")], [1, 1, 1]);
});

Deno.test("an orderly end by the other side is a channel's failure only while sessions are open", async () => {
  const failures = async (open: number, over: number, cause?: unknown) => {
    const carrier = new Carrier("a");
    const activity = began(carrier);
    const ends = Array.from({ length: open }, () => session(activity, carrier));
    for (const end of ends.slice(0, over)) end();
    await carrier.end(cause);
    return activity.channels.all.map(({ failures }) => failures);
  };
  assertEquals(await failures(0, 0), [0, 0]);
  assertEquals(await failures(3, 3), [0, 0]);
  assertEquals(await failures(3, 2), [1, 0]);
  assertEquals(await failures(0, 0, new Error("cut")), [1, 0]);
});

Deno.test("metrics have streams, refused records and waits for credit, from 0 on", () => {
  const carrier = new Carrier("a");
  const activity = began(carrier);
  const values = () => {
    const metrics = collect(handler(activity), { version: "1", loopLag: 0 });
    return ["micss_streams", "micss_refused_records_total", "micss_credit_waits_total"].map((name) => {
      const metric = metrics.find((metric) => metric.name === name);
      assert(metric !== undefined && metric.type === (name.endsWith("_total") ? "counter" : "gauge"), name);
      return metric.samples.map(({ value }) => value);
    });
  };
  assertEquals(values(), [[0], [0], [0]]);
  session(activity, carrier);
  session(activity, carrier);
  activity.refusedRecords++;
  activity.creditWaits += 3;
  assertEquals(values(), [[2], [1], [3]]);
});

Deno.test("a status lists each association with its sessions, the most first", async () => {
  const [one, other] = [new Carrier("a"), new Carrier("b")];
  other.shares = "short";
  const activity = began(one, other);
  activity.creditWaits = 2;
  const ends = [one, other, other].map((carrier) => session(activity, carrier));
  const status = handlerStatus(handler(activity), []);
  const rest = { peer: "web", age: 0, sent: 20, received: 5 };
  assertEquals(status.associations, [
    { id: "b", sessions: 2, shares: "short", ...rest },
    { id: "a", sessions: 1, shares: "full", ...rest },
  ]);
  assertEquals([status.associationCount, status.streams, status.sessionCount], [2, 3, 3]);
  assertEquals([status.totals.refusedRecords, status.totals.creditWaits], [0, 2]);
  assertEquals(status.sessions.map(({ association }) => association), ["b", "b", "a"]);
  ends[1]!();
  ends[2]!();
  assertEquals(handlerStatus(handler(activity), []).associations.map(({ id }) => id), ["a", "b"]);
  await other.end();
  assertEquals(handlerStatus(handler(activity), []).associations.map(({ id }) => id), ["a"]);
});

Deno.test("a status has an association's bytes on the channels that are needed", () => {
  const [all, one] = [new Carrier("all"), new Carrier("one")];
  one.threshold = 1;
  const { associations } = handlerStatus(handler(began(all, one)), []);
  assertEquals(associations.map(({ sent, received }) => [sent, received]), [[20, 5], [30, 10]]);
});

Deno.test("a server's status names an association by its client; at most 100 associations and sessions are listed", () => {
  const carriers = Array.from({ length: 120 }, (_, at) => new Carrier(`${at}`));
  const activity = new Activity(new FakeClock());
  for (const { association } of carriers) activity.begin(association, 1);
  for (const carrier of carriers) session(activity, carrier);
  session(activity, carriers[110]!);
  const { associations, sessions, associationCount, sessionCount } = handlerStatus(handler(activity, "server"), []);
  assertEquals([associations.length, associationCount, sessions.length, sessionCount], [100, 120, 100, 121]);
  assertEquals([associations[0]!.id, associations[0]!.sessions, associations[0]!.peer], [
    "110",
    2,
    "198.51.100.7:40000",
  ]);
  assertEquals(sessions.slice(0, 2).map(({ association }) => association), ["110", "119"]);
});
