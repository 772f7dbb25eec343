import { assert, assertEquals, assertMatch } from "@std/assert";
import { bytes, duration, statusTable } from "../../src/cli/status_table.ts";
import type { AssociationStatus, ChannelStatus, SessionStatus, Status } from "../../src/observe/status.ts";

const CHANNEL: ChannelStatus = {
  server: "web",
  channel: 1,
  address: "192.0.2.10:6522",
  state: "flowing",
  associations: 2,
  sent: 1000,
  received: 2000,
  rateOut: 1_234_567,
  rateIn: 12,
  behindOut: 0,
  behindIn: 65_536,
  away: 0,
  broken: 0,
  rejoined: 0,
  lying: 0,
  lies: 0,
  failures: 0,
};

const ASSOCIATION: AssociationStatus = {
  id: "c7e1d0429ab8",
  peer: "web",
  sessions: 12,
  age: 7200,
  shares: "short",
  sent: 1000,
  received: 2000,
};

const SESSION: SessionStatus = {
  id: "c7e1d0429ab8.1",
  from: "127.0.0.1:40000",
  to: "web",
  port: 80,
  association: "c7e1d0429ab8",
  age: 3723,
  sent: 82,
  received: 76_000_000,
};

const STATUS: Status = {
  role: "client",
  version: "0.1.0",
  host: "gate",
  pid: 42,
  uptime: 90,
  ending: false,
  readiness: null,
  sessionCount: 1,
  flowCount: 0,
  sessions: [SESSION],
  streams: 1,
  associationCount: 2,
  associations: [ASSOCIATION],
  channels: [CHANNEL],
  totals: {
    ...{ ended: {}, resets: {}, refusals: {}, handshakes: {}, refusedRecords: 0, creditWaits: 0 },
    datagrams: { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0, dropped: { "too-large": 0, forged: 0 } },
  },
  pool: { idle: 1, busy: 1, warming: 0 },
  limits: [],
  events: [],
};

Deno.test("a status has a summary, the channels and the sessions", () => {
  assertEquals(
    statusTable(STATUS),
    `client 0.1.0, up 1 min, pid 42, on gate
1 session, 2 associations (1 idle); since start: 0 ended, 0 reset, 0 refused

CHANNEL                STATE     OUT/S  IN/S  BEHIND  FAILED
web 1 192.0.2.10:6522  flowing  1.2 MB  12 B   66 kB       0

ASSOCIATION   WITH  SHARES  SESSIONS    SENT  RECEIVED        AGE
c7e1d0429ab8  web    short        12  1.0 kB    2.0 kB  2 h 0 min
and 1 more

SESSION                         TO      SENT  RECEIVED        AGE
c7e1d0429ab8.1 127.0.0.1:40000  web:80  82 B     76 MB  1 h 2 min
`,
  );
});

Deno.test("flows are told from other sessions, and datagrams that were dropped are counted by reason", () => {
  const flow: SessionStatus = { ...SESSION, id: "c7e1d0429ab8.2", to: "web", port: 53, datagrams: true };
  const dropped = { "too-large": 2, duplicate: 900, late: 0, incomplete: 41, forged: 0 };
  const datagrams = { sent: 1200, sentBytes: 98_000, received: 1100, receivedBytes: 1_300_000, dropped };
  const status = {
    ...STATUS,
    sessionCount: 3,
    flowCount: 1,
    sessions: [flow, SESSION],
    totals: { ...STATUS.totals, datagrams },
  };
  const lines = statusTable(status).split("\n");
  assertEquals(lines.slice(1, 5), [
    "3 sessions, 2 associations (1 idle); since start: 0 ended, 0 reset, 0 refused",
    "1 flow of datagrams; 1200 sent (98 kB), 1100 received (1.3 MB)",
    "dropped datagrams and packets: too-large 2, incomplete 41",
    "",
  ]);
  assertMatch(lines.find((line) => line.startsWith("c7e1d0429ab8.2"))!, / web:53\/udp /);
  assertMatch(lines.find((line) => line.startsWith("c7e1d0429ab8.1"))!, / web:80 /);
});

Deno.test("the status of a handler that knows no datagrams is shown", () => {
  const { flowCount: _count, totals: { datagrams: _datagrams, ...totals }, ...earlier } = STATUS;
  assertEquals(statusTable({ ...earlier, totals } as Status), statusTable(STATUS));
});

Deno.test("the shares of a handler that knows no short ones are full", () => {
  const { shares: _shares, ...earlier } = ASSOCIATION;
  assertMatch(statusTable({ ...STATUS, associations: [earlier] }), /^c7e1d0429ab8 +web +full +12 /m);
});

Deno.test("forged datagrams have a line of their own, and many reasons more than one", () => {
  const reasons = ["too-large", "no-address", "blocked", "unsent", "waiting", "no-flow", "stray", "late", "incomplete"];
  const dropped = { ...Object.fromEntries(reasons.map((reason) => [reason, 123_456])), forged: 7 };
  const lines = statusTable({
    ...STATUS,
    totals: { ...STATUS.totals, datagrams: { ...STATUS.totals.datagrams, dropped } },
  }).split("\n");
  assertEquals(lines.slice(2, 7), [
    "dropped datagrams and packets: too-large 123456, no-address 123456,",
    "  blocked 123456, unsent 123456, waiting 123456, no-flow 123456, stray 123456,",
    "  late 123456, incomplete 123456, forged 7",
    "forged: packets on a channel were altered, or are not the other handler's",
    "",
  ]);
});

Deno.test("ended and reset sessions are counted, and refusals by reason", () => {
  const totals = {
    ...STATUS.totals,
    ended: { ended: 12, reset: 1 },
    refusals: { "no-association": 2, "no-server": 0, loop: 1 },
  };
  const [, second, third] = statusTable({ ...STATUS, totals }).split("\n");
  assertMatch(second!, /; since start: 12 ended, 1 reset, 3 refused$/);
  assertEquals(third, "refused: no-association 2, loop 1");
});

Deno.test("refused records and waits for credit have a line each, if there were any", () => {
  const totals = { ...STATUS.totals, refusedRecords: 1, creditWaits: 20 };
  const lines = statusTable({ ...STATUS, totals }).split("\n");
  assertEquals(lines.slice(2, 5), [
    "refused records: 1; data was altered on a channel",
    "waits for credit: 20",
    "",
  ]);
});

Deno.test("a failed channel has a line with the reason", () => {
  const channels = [{ ...CHANNEL, state: "failed" as const, failures: 3, failure: { reason: "refused", age: 61 } }];
  assertMatch(statusTable({ ...STATUS, channels, sessions: [] }), /\n192\.0\.2\.10:6522: refused, 1 min ago\n/);
});

Deno.test("an away channel has a line with the number of associations that wait and the reason", () => {
  const failure = { reason: "silent for 25 s", age: 7 };
  const of = (away: number, broken: number, rejoined: number) =>
    statusTable({
      ...STATUS,
      channels: [{ ...CHANNEL, state: "away", away, broken, rejoined, failure }],
      sessions: [],
    }).split("\n").filter((line) => /^(CHANNEL|web 1|192)/.test(line));
  assertEquals(of(1, 1, 0), [
    "CHANNEL                STATE   OUT/S  IN/S  BEHIND  FAILED",
    "web 1 192.0.2.10:6522  away   1.2 MB  12 B   66 kB       0",
    "192.0.2.10:6522: 1 association waits: silent for 25 s, 7 s ago",
    "192.0.2.10:6522: broke 1 time, joined again 0 times",
  ]);
  assertEquals(of(2, 7, 5).slice(2), [
    "192.0.2.10:6522: 2 associations wait: silent for 25 s, 7 s ago",
    "192.0.2.10:6522: broke 7 times, joined again 5 times",
  ]);
});

Deno.test("a channel that lied has a line with the number, and with that of associations that go on without it", () => {
  const linesOf = (more: Partial<ChannelStatus>) =>
    statusTable({ ...STATUS, channels: [{ ...CHANNEL, ...more }], sessions: [] }).split("\n")
      .filter((line) => /^(web 1|192)/.test(line));
  assertEquals(linesOf({ state: "lying", lying: 1, lies: 2 }), [
    "web 1 192.0.2.10:6522  lying  1.2 MB  12 B   66 kB       0",
    "192.0.2.10:6522: lied 2 times; 1 association goes on without it",
  ]);
  assertEquals(linesOf({ lies: 1 }).slice(1), ["192.0.2.10:6522: lied 1 time"]);
});

Deno.test("a channel that broke and was joined again has a line with the numbers, and no reason", () => {
  const failure = { reason: "silent for 25 s", age: 7 };
  const text = statusTable({ ...STATUS, channels: [{ ...CHANNEL, broken: 2, rejoined: 2, failure }] });
  assertMatch(text, /\n192\.0\.2\.10:6522: broke 2 times, joined again 2 times\n/);
  assert(!text.includes("silent"));
});

Deno.test("no line is wider than 80 columns, however long addresses and names are", () => {
  const address = "[2001:db8:1234:5678:9abc:def0:1234:5678%eth0]:65535";
  const channels = [{
    ...CHANNEL,
    server: "a-very-long-name-of-a-server.example.org",
    address,
    state: "failed" as const,
    failure: { reason: "x".repeat(100), age: 1 },
  }];
  const sessions = [{ ...SESSION, id: "123456.789", from: address, to: "a.very.long.name.example.org" }];
  const associations = [{ ...ASSOCIATION, peer: address }];
  const text = statusTable({ ...STATUS, channels, associations, sessions, waiting: 1234, ending: true });
  for (const line of text.split("\n")) assert(line.length <= 80, `${line.length}: ${line}`);
});

Deno.test("the first associations and sessions are listed and the rest counted", () => {
  const sessions = Array.from({ length: 100 }, (_, id) => ({ ...SESSION, id: `${id}` }));
  const text = statusTable({ ...STATUS, sessions, sessionCount: 250 });
  assertMatch(text, /\nand 235 more\n$/);
  assertEquals(text.match(/web:80/g)?.length, 15);
  const associations = Array.from({ length: 100 }, (_, id) => ({ ...ASSOCIATION, id: `${id}` }));
  assertMatch(
    statusTable({ ...STATUS, associations, associationCount: 150 }),
    /\n4 {12}web.*\nand 145 more\n\nSESSION/,
  );
});

Deno.test("bytes have at most three digits", () => {
  for (
    const [count, text] of [[0, "0 B"], [999, "999 B"], [1000, "1.0 kB"], [9_949, "9.9 kB"], [9_951, "10 kB"]] as const
  ) {
    assertEquals(bytes(count), text);
  }
  assertEquals([bytes(999_499), bytes(999_500), bytes(2.5e15)], ["999 kB", "1.0 MB", "2.5 PB"]);
});

Deno.test("durations have one unit or two", () => {
  const texts = [0, 59.9, 60, 3_599, 3_600, 86_399, 90_000].map(duration);
  assertEquals(texts, ["0 s", "59 s", "1 min", "59 min", "1 h 0 min", "23 h 59 min", "1 d 1 h"]);
});

Deno.test("each unmet condition has a line, and so has each degraded one", () => {
  const readiness = {
    ready: false,
    missing: { rules: "no connection is redirected here" },
    degraded: { "server web-1": "channel 2: Connection refused" },
    unknown: { "TPROXY rules": "they are made by hand" },
  };
  const lines = statusTable({ ...STATUS, readiness }).split("\n");
  assertEquals(lines.slice(2, 5), [
    "not ready: rules: no connection is redirected here",
    "degraded: server web-1: channel 2: Connection refused",
    "",
  ]);
});

Deno.test("channels that routes keep apart are in one line, and others in one each with the reason", () => {
  const routes = [
    { server: "web", channel: 1, kept: true },
    { server: "web", channel: 2, kept: false, reason: "leaves by wlan0, not lte0; run micss routes apply" },
    { server: "", channel: 3, kept: true },
  ];
  const lines = statusTable({ ...STATUS, routes }).split("\n");
  assertEquals(lines.filter((line) => /apart/.test(line)), [
    "web 2 NOT kept apart: leaves by wlan0, not lte0; run micss routes apply",
    "kept apart by routes: web 1, 3",
  ]);
  assert(!statusTable(STATUS).includes("apart"));
});
