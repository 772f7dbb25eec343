import type { ClientStatus } from "../observe/clients.ts";
import type { AssociationStatus, ChannelStatus, DatagramTotals, SessionStatus, Status } from "../observe/status.ts";

/** Maximum width, in columns. */
const WIDTH = 80;

/** Maximum number of associations listed, and of clients. */
const MAX_ASSOCIATIONS = 5;

/** Maximum number of sessions listed. */
const MAX_SESSIONS = 15;

const NO_DATAGRAMS: DatagramTotals = { sent: 0, sentBytes: 0, received: 0, receivedBytes: 0, dropped: {} };

/** Formats a handler's status, at most 80 columns wide. */
export function statusTable(status: Status): string {
  const {
    role,
    version,
    host,
    uptime,
    pid,
    ending,
    readiness,
    sessionCount,
    associationCount,
    waiting,
    pool,
    clients = [],
  } = status;
  const handler = [
    ...ending ? ["ending"] : [],
    `${role} ${version}`,
    `up ${duration(uptime)}`,
    `pid ${pid}`,
    `on ${host}`,
  ];
  const current = [
    plural(sessionCount, "session"),
    plural(associationCount, "association") + (pool === undefined ? "" : ` (${pool.idle} idle)`),
    ...waiting ? [`${waiting} waiting`] : [],
  ];
  const { ended, refusals } = status.totals;
  const past = `since start: ${ended["ended"] ?? 0} ended, ${ended["reset"] ?? 0} reset, ${total(refusals)} refused`;
  return [
    truncate(handler.join(", "), WIDTH),
    truncate(`${current.join(", ")}; ${past}`, WIDTH),
    ...refusalLines(refusals),
    ...recordLines(status.totals),
    ...datagramLines(status.flowCount, status.totals.datagrams),
    ...readinessLines(readiness),
    "",
    ...table(["CHANNEL", "STATE", "OUT/S", "IN/S", "BEHIND", "FAILED"], status.channels.map(channelRow)),
    ...status.channels.flatMap(channelLines),
    ...routesLines(status.routes ?? []),
    ...list(
      ["CLIENT", "SEEN", "ASSOCIATIONS", "SESSIONS"],
      clients.slice(0, MAX_ASSOCIATIONS).map(clientRow),
      clients.length,
    ),
    ...list(
      ["ASSOCIATION", "WITH", "SHARES", "SESSIONS", "SENT", "RECEIVED", "AGE"],
      status.associations.slice(0, MAX_ASSOCIATIONS).map(associationRow),
      associationCount,
    ),
    ...list(
      ["SESSION", "TO", "SENT", "RECEIVED", "AGE"],
      status.sessions.slice(0, MAX_SESSIONS).map(sessionRow),
      sessionCount,
    ),
    "",
  ].join("\n");
}

/** A table of the first of `count`, if any. */
function list(head: readonly string[], rows: readonly (readonly string[])[], count: number): string[] {
  const more = count - rows.length;
  return rows.length === 0 ? [] : ["", ...table(head, rows), ...more > 0 ? [`and ${more} more`] : []];
}

/** Reasons of refusals, in one line if there were any. */
function refusalLines(refusals: Status["totals"]["refusals"]): string[] {
  const reasons = Object.entries(refusals).filter(([, count]) => count > 0).map(([reason, count]) =>
    `${reason} ${count}`
  );
  return reasons.length === 0 ? [] : [truncate(`refused: ${reasons.join(", ")}`, WIDTH)];
}

/** Refused records and waits for credit, in a line each if there were any. */
function recordLines({ refusedRecords, creditWaits }: Status["totals"]): string[] {
  return [
    ...refusedRecords > 0 ? [`refused records: ${refusedRecords}; data was altered on a channel`] : [],
    ...creditWaits > 0 ? [`waits for credit: ${creditWaits}`] : [],
  ];
}

/** Flows and their datagrams, and those that were dropped, in a line each if there were any. */
function datagramLines(
  flows: number,
  // A handler of an earlier version counts none.
  { sent, sentBytes, received, receivedBytes, dropped }: DatagramTotals = NO_DATAGRAMS,
): string[] {
  const both = `${sent} sent (${bytes(sentBytes)}), ${received} received (${bytes(receivedBytes)})`;
  // With a threshold, the shares to spare are duplicates.
  const reasons = Object.entries(dropped).filter(([reason, count]) => count > 0 && reason !== "duplicate");
  const { forged = 0 } = dropped;
  return [
    ...flows + sent + received > 0 ? [truncate(`${plural(flows, "flow")} of datagrams; ${both}`, WIDTH)] : [],
    ...wrapped("dropped datagrams and packets:", reasons.map(([reason, count]) => `${reason} ${count}`)),
    ...forged > 0 ? ["forged: packets on a channel were altered, or are not the other handler's"] : [],
  ];
}

/** Puts words into as many lines as they need, if there are any. */
function wrapped(head: string, words: readonly string[]): string[] {
  const lines: string[] = [];
  for (const [at, word] of words.entries()) {
    const text = at < words.length - 1 ? `${word},` : word, last = lines.at(-1);
    if (last === undefined) lines.push(`${head} ${text}`);
    else if (last.length + 1 + text.length <= WIDTH) lines[lines.length - 1] = `${last} ${text}`;
    else lines.push(`  ${text}`);
  }
  return lines;
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** The last answer of /readyz, unless all is well. */
function readinessLines(readiness: Status["readiness"]): string[] {
  if (readiness === null) return [];
  const { missing, degraded } = readiness;
  const lines = (state: string, reasons: typeof missing) =>
    Object.entries(reasons).map(([name, reason]) => truncate(`${state}: ${name}: ${reason}`, WIDTH));
  return [...lines("not ready", missing), ...lines("degraded", degraded)];
}

/** Channels that routes keep on their own links, in one line, and those that they don't, in one each. */
function routesLines(routes: NonNullable<Status["routes"]>): string[] {
  const nameOf = ({ server, channel }: typeof routes[number]) => `${server === "" ? "" : `${server} `}${channel}`;
  const kept = routes.filter(({ kept }) => kept).map(nameOf);
  return [
    ...routes.filter(({ kept }) => !kept).map((one) =>
      truncate(`${nameOf(one)} NOT kept apart: ${one.reason ?? "no reason given"}`, WIDTH)
    ),
    ...kept.length === 0 ? [] : [truncate(`kept apart by routes: ${kept.join(", ")}`, WIDTH)],
  ];
}

/** Why a channel has failed or is away, and how often it lied and broke, in a line each. */
function channelLines({ address, state, away, broken, rejoined, lying, lies, failure }: ChannelStatus): string[] {
  const lines: string[] = [];
  if (lies > 0) {
    const now = lying > 0 ? `; ${plural(lying, "association")} ${lying === 1 ? "goes" : "go"} on without it` : "";
    lines.push(`lied ${plural(lies, "time")}${now}`);
  }
  if (failure !== undefined && (state === "failed" || state === "away")) {
    const waiting = state === "away" ? `${plural(away, "association")} ${away === 1 ? "waits" : "wait"}: ` : "";
    lines.push(`${waiting}${failure.reason}, ${duration(failure.age)} ago`);
  }
  if (broken + rejoined > 0) lines.push(`broke ${plural(broken, "time")}, joined again ${plural(rejoined, "time")}`);
  return lines.map((line) => truncate(`${address}: ${line}`, WIDTH));
}

function channelRow(channel: ChannelStatus): string[] {
  const { server, channel: index, address, state, rateOut, rateIn, behindOut, behindIn, failures } = channel;
  const name = `${server === "" ? "" : `${server} `}${index} ${address}`;
  return [name, state, bytes(rateOut), bytes(rateIn), bytes(Math.max(behindOut, behindIn)), String(failures)];
}

function clientRow({ name, associations, sessions, seen }: ClientStatus): string[] {
  return [name, `${duration(seen)} ago`, String(associations), String(sessions)];
}

// A handler of an earlier version has full shares only.
function associationRow({ shares = "full", ...association }: AssociationStatus): string[] {
  const { id, peer, client, sessions, sent, received, age } = association;
  return [
    id,
    client === undefined ? peer : `${client} ${peer}`,
    shares,
    String(sessions),
    bytes(sent),
    bytes(received),
    duration(age),
  ];
}

function sessionRow({ id, client = "", from = "", to, port, datagrams, sent, received, age }: SessionStatus): string[] {
  const target = to.includes(":") ? to : `${to}:${port}`;
  return [
    [id, client, from].filter((part) => part !== "").join(" "),
    datagrams ? `${target}/udp` : target,
    bytes(sent),
    bytes(received),
    duration(age),
  ];
}

/** Formats columns: two of text, then numbers. Truncates the text columns to fit the width. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const gaps = 2 * (head.length - 1);
  for (const column of [1, 0]) {
    const over = widths.reduce((sum, width) => sum + width, gaps) - WIDTH;
    if (over > 0) widths[column] = Math.max(column === 0 ? 20 : 15, widths[column]! - over);
  }
  return all.map((row) =>
    row.map((cell, column) => {
      const width = widths[column]!;
      return column < 2 ? truncate(cell, width).padEnd(width) : cell.padStart(width);
    }).join("  ").trimEnd()
  );
}

function truncate(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Formats a byte count with at most three digits: "0 B", "1.2 MB". */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  while (count >= 999.5 && unit < units.length - 1) {
    count /= 1000;
    unit++;
  }
  return `${unit > 0 && count < 9.95 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

/** Formats seconds in one or two units: "12 s", "3 min", "4 h 5 min", "2 d 3 h". */
export function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (minutes === 0) return `${Math.floor(seconds)} s`;
  if (hours === 0) return `${minutes} min`;
  return days === 0 ? `${hours} h ${minutes % 60} min` : `${days} d ${hours % 24} h`;
}
