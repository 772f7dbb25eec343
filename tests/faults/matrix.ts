/** Outcomes of sessions with faults: the rows of the table in docs/guide/troubleshooting.md, and of the tests. */
import type { FaultName } from "./faults.ts";
import { type Phase, PHASES } from "./phases.ts";

/** An expected log line. */
export interface Said {
  /** The handler that logs it. */
  readonly by: "client" | "server";
  /** Its event. */
  readonly event: string;
  /** Its reason; for an event about one channel, that channel's address and the reason. */
  readonly reason: string | RegExp;
  /** The reason for readers, if it is an expression. */
  readonly told?: string;
}

/** A fault and its outcome at some phases. */
export interface Row {
  /** The fault; it affects the second of three channels if it is a channel's. */
  readonly fault: FaultName;
  /** The phases. */
  readonly phases: readonly Phase[];
  /** The application's view. */
  readonly seen: string;
  /** The target's view. */
  readonly target: string;
  /** The expected log line; null if there is nothing to report. */
  readonly said: Said | null;
  /** Time limit for the application and the target, in milliseconds. */
  readonly within: number;
  /** The limit in words, if it depends on these 3,000 bytes. */
  readonly withinTold?: string;
}

const WHOLE = "all it should";
const REPLY_ONLY = "the whole reply, then that it can't send";
const RESET = "a reset";
const NONE = "no connection";
const GONE = "nothing";
const BEFORE = ["connecting", "greeting", "half associated"] as const satisfies readonly Phase[];
const IN_SESSION = ["OPEN sent", "streaming", "half-closed", "replied"] as const satisfies readonly Phase[];
const CHANNEL_2 = "channel 2 (192.0.2.2:6522): ";

function client(event: string, reason: string | RegExp, told?: string): Said {
  return { by: "client", event, reason, ...told !== undefined && { told } };
}

function server(event: string, reason: string | RegExp, told?: string): Said {
  return { by: "server", event, reason, ...told !== undefined && { told } };
}

const silent = (fault: FaultName): Row[] => {
  const said = client("channel broken", "2 (192.0.2.2:6522): silent for 25 s");
  const all = client(
    "channel broken",
    /^1 .*: silent for 25 s, and so are channels 2 and 3$/,
    "1 (…): silent for 25 s, and so are channels 2 and 3",
  );
  const there = server("channel not associated", "192.0.2.2:6522: not associated within 5 s");
  const here = client("session refused", `${CHANNEL_2}no answer within 5 s`);
  const inTime = { within: 27_000 };
  return [
    { fault, phases: ["greeting"], seen: RESET, target: NONE, said: here, within: 5_000 },
    { fault, phases: ["half associated"], seen: RESET, target: NONE, said: there, within: 5_000 },
    { fault, phases: IN_SESSION, seen: WHOLE, target: WHOLE, said, ...inTime },
    { fault, phases: ["between sessions"], seen: WHOLE, target: WHOLE, said: all, ...inTime },
  ];
};

/** Time during which an absent server handler is retried, in milliseconds. */
const AWAY = 5_000;

/** A transient fault of a handshake: the next one succeeds. */
function again(fault: FaultName, phases: readonly Phase[]): Row {
  return { fault, phases, seen: WHOLE, target: WHOLE, said: null, within: 500, withinTold: "at once" };
}

const broken = (fault: FaultName, reason: string, between: Said | null): Row[] => {
  const said = client("channel broken", `2 (192.0.2.2:6522): ${reason}`);
  return [
    { fault, phases: IN_SESSION, seen: WHOLE, target: WHOLE, said, within: 500, withinTold: "at once" },
    { fault, phases: ["between sessions"], seen: WHOLE, target: WHOLE, said: between, within: 0 },
  ];
};

const resetByPeer = (event: string): Said =>
  client(
    event,
    /^channel [123] \(192\.0\.2\.[123]:6522\): Connection reset by peer$/,
    "channel N (…): Connection reset by peer",
  );

const killed = (fault: FaultName, why: string): Row[] => {
  const said = client(
    "session reset",
    new RegExp(`^channel [123] .*: ${why}; (it broke first|all channels were closed by the other side): `),
    `channel N (…): ${why}; …`,
  );
  const soon = { within: 500, withinTold: "at once" };
  return [
    { fault, phases: ["OPEN sent"], seen: RESET, target: NONE, said, ...soon },
    { fault, phases: ["streaming"], seen: RESET, target: RESET, said, ...soon },
    { fault, phases: ["half-closed"], seen: RESET, target: WHOLE, said, ...soon },
    { fault, phases: ["replied"], seen: REPLY_ONLY, target: RESET, said, ...soon },
  ];
};

const STAYED_AWAY = `${CHANNEL_2}not joined again within 30 s; …`;

const staysAway = (fault: FaultName): Row[] => {
  const why = "not joined again within 30 s: Connection refused";
  const said = client(
    "session reset",
    new RegExp(`^channel 2 .*: ${why}.*; it broke first: `),
    `${CHANNEL_2}${why}; …`,
  );
  const inTime = { within: 31_000 };
  return [
    { fault, phases: ["OPEN sent", "half-closed"], seen: RESET, target: WHOLE, said, ...inTime },
    { fault, phases: ["streaming"], seen: RESET, target: RESET, said, ...inTime },
    {
      ...{ fault, phases: ["replied"], seen: WHOLE, target: RESET, ...inTime },
      said: server("session reset", /^channel 2 .*: not joined again within 30 s; it broke first: /, STAYED_AWAY),
    },
  ];
};

/** A fault while connecting that prevents the session. */
function none(fault: FaultName, said: Said, within = 0): Row {
  return { fault, phases: ["connecting"], seen: RESET, target: NONE, said, within };
}

/** A target's own misbehaviour once it is connected. */
function ofTarget(fault: FaultName, seen: string, said: Said | null): Row {
  return { fault, phases: ["connecting"], seen, target: "what it did", said, within: 0 };
}

const notAsSent = /^(KEY|a record) with a wrong (tag|hash): it was tampered with$|^a record of \d+ bytes; /;
const told = "a record is not as it was sent";

/** All rows. */
export const ROWS: readonly Row[] = [
  none("a channel is reset, or refused", client("session refused", `${CHANNEL_2}Connection refused`), AWAY),
  again("a channel is reset, or refused", ["greeting", "half associated"]),
  ...broken(
    "a channel is reset, or refused",
    "Connection reset by peer",
    client("association failed", `${CHANNEL_2}Connection reset by peer`),
  ),
  ...staysAway("a channel is reset and can't be made again"),
  again("a channel is closed", BEFORE),
  ...broken("a channel is closed", "closed by the other side", null),
  none("a channel drops all in silence", client("session refused", `${CHANNEL_2}no answer within 5 s`), 5_000),
  ...silent("a channel drops all in silence"),
  none("a channel's address goes away", client("session refused", `${CHANNEL_2}Network is unreachable`)),
  ...silent("a channel's address goes away"),
  {
    ...{ fault: "a channel slows down to 200 bytes a second", phases: PHASES },
    ...{ seen: WHOLE, target: WHOLE, said: null, within: 20_000, withinTold: "the time that its bytes take" },
  },
  {
    ...{ fault: "a channel takes 300 ms more than the others", phases: PHASES },
    ...{ seen: WHOLE, target: WHOLE, said: null, within: 2_000 },
  },
  {
    ...{ fault: "bytes of a channel come twice", phases: ["connecting", "greeting"], seen: RESET, target: NONE },
    said: client(
      "session refused",
      /^channel 2 \(192\.0\.2\.2:6522\): expected the echo of the list/,
      `${CHANNEL_2}…`,
    ),
    within: 0,
  },
  again("bytes of a channel come twice", ["half associated"]),
  {
    ...{ fault: "bytes of a channel come twice", phases: ["OPEN sent", "half-closed"], seen: RESET, target: WHOLE },
    ...{ said: client("session reset", notAsSent, told), within: 0 },
  },
  {
    ...{ fault: "bytes of a channel come twice", phases: ["streaming"], seen: RESET, target: RESET },
    ...{ said: server("session reset", notAsSent, told), within: 0 },
  },
  {
    ...{ fault: "bytes of a channel come twice", phases: ["between sessions"], seen: RESET, target: NONE },
    ...{ said: server("association failed", notAsSent, told), within: 0 },
  },
  {
    ...{ fault: "bytes of a channel come twice", phases: ["replied"], seen: WHOLE, target: RESET },
    ...{ said: server("session reset", notAsSent, told), within: 0 },
  },
  {
    ...{ fault: "the server handler is killed", phases: [...BEFORE, "between sessions"], seen: RESET, target: NONE },
    said: client("session refused", /^channel [123] .*: Connection refused$/, "channel N (…): Connection refused"),
    within: AWAY,
  },
  ...killed("the server handler is killed", "no channel can be joined again: the server handler has ended"),
  ...killed(
    "the server handler is killed and started again",
    "not joined again: refused: the server handler no longer has the association",
  ),
  again("the server handler is killed and started again", ["greeting", "half associated"]),
  {
    ...{ fault: "the server handler is killed and started again", phases: ["connecting"] },
    ...{ seen: WHOLE, target: WHOLE, said: null, within: 0 },
  },
  {
    ...{ fault: "the server handler is killed and started again", phases: ["between sessions"] },
    ...{ seen: WHOLE, target: WHOLE, said: resetByPeer("association failed"), within: 0 },
  },
  {
    // The reset overtakes the half-close, which waits for company.
    ...{ fault: "the application is killed", phases: ["greeting", "half associated"], seen: GONE, target: RESET },
    ...{ said: client("session reset", "Broken pipe"), within: 0 },
  },
  {
    fault: "the application is killed",
    phases: ["OPEN sent", "streaming", "half-closed"],
    ...{ seen: GONE, target: WHOLE, said: client("session reset", "Broken pipe"), within: 0 },
  },
  {
    ...{ fault: "the application is killed", phases: ["replied"], seen: GONE, target: RESET },
    ...{ said: server("session reset", "reset by the other side: application"), within: 0 },
  },
  none("the target refuses", server("session refused", "Connection refused")),
  none("the target can't be reached", server("session refused", "Network is unreachable")),
  none("the target does not answer", server("session refused", "no connection within 10 s"), 10_000),
  ofTarget("the target resets", RESET, server("session reset", "Connection reset by peer")),
  ofTarget("the target resets in the middle of its reply", RESET, server("session reset", "Connection reset by peer")),
  // The request was a single write, which the system takes from the server handler and loses.
  ofTarget("the target closes without reading", "an end", null),
  none("the client handler has no files left", client("session refused", `${CHANNEL_2}Too many open files`)),
  none("the machine has no files left", client("session refused", `${CHANNEL_2}Too many open files in system`)),
  none("the server handler has no files left for the target", server("session refused", "Too many open files")),
  {
    ...{ fault: "the clock jumps by ten years, to and fro", phases: PHASES },
    ...{ seen: WHOLE, target: WHOLE, said: null, within: 0 },
  },
];
