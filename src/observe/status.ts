import { type DatagramCounts, droppedOf } from "../datagrams/counts.ts";
import type { Shares } from "../association/association_options.ts";
import { formatAddress } from "../net/address.ts";
import { clientsOf, type ClientStatus } from "./clients.ts";
import type { ChannelRecord } from "./channel_records.ts";
import type { Answer } from "./readiness.ts";
import type { Levels, Observable } from "./observable.ts";
import type { Event } from "../log/recent.ts";
import type { ChannelSample, ChannelState } from "./sampler.ts";

/** Maximum number of sessions, of associations and of clients that a status lists. */
export const MAX_LISTED = 100;

/** A channel. Out is to the other handler, in is from it. */
export interface ChannelStatus {
  /** The server's name on a client; empty on a server. */
  readonly server: string;
  /** Its number, from 1. */
  readonly channel: number;
  /** Its address at the server handler. */
  readonly address: string;
  /** Its state. */
  readonly state: ChannelState;
  /** Number of its associations. */
  readonly associations: number;
  /** Bytes out. */
  readonly sent: number;
  /** Bytes in. */
  readonly received: number;
  /** Bytes a second out. */
  readonly rateOut: number;
  /** Bytes a second in. */
  readonly rateIn: number;
  /** Outgoing bytes by which it trails the foremost channel, in its worst association. */
  readonly behindOut: number;
  /** Incoming bytes by which it trails the foremost channel, in its worst association. */
  readonly behindIn: number;
  /** Number of its associations that wait for it to be joined again. */
  readonly away: number;
  /** Number of times that it broke and its association waited. */
  readonly broken: number;
  /** Number of times that it was joined again. */
  readonly rejoined: number;
  /** Number of its open associations that have given it up, as it lied. */
  readonly lying: number;
  /** Number of associations that have ever done so. */
  readonly lies: number;
  /** Number of failures. */
  readonly failures: number;
  /** The last failure, and its age in seconds. */
  readonly failure?: { readonly reason: string; readonly age: number };
  /** True if routes keep it on its own link; absent if that is unknown, or not meant. */
  readonly keptApart?: boolean;
}

/** An open association. */
export interface AssociationStatus {
  /** Its id in the log. */
  readonly id: string;
  /** Number of its worker; absent with a single worker. */
  readonly worker?: number;
  /** The server's name on a client; the client handler's address on the first channel on a server. */
  readonly peer: string;
  /** Name of its client on a server, if it has proved its identity. */
  readonly client?: string;
  /** Number of sessions that it carries. */
  readonly sessions: number;
  /** Age in seconds. */
  readonly age: number;
  /** Length of its shares. Absent from a handler of an earlier version, whose shares are full. */
  readonly shares?: Shares;
  /** Bytes sent on every channel that is needed: with full shares as many as there were to share, with short ones fewer. */
  readonly sent: number;
  /** Bytes received on every channel that is needed, likewise. */
  readonly received: number;
}

/** An open session. */
export interface SessionStatus {
  /** Its id in the log. */
  readonly id: string;
  /** Number of the worker that carries it; absent with a single worker. */
  readonly worker?: number;
  /** Name of its client on a server, if it has proved its identity. */
  readonly client?: string;
  /** Its application's address, if known. */
  readonly from?: string;
  /** The server's name, or the target. */
  readonly to: string;
  /** The requested port. */
  readonly port: number;
  /** True for a flow of datagrams; otherwise absent. */
  readonly datagrams?: true;
  /** Id of the association that carries it. */
  readonly association: string;
  /** Age in seconds. */
  readonly age: number;
  /** Bytes from the application on a client, from the target on a server. */
  readonly sent: number;
  /** Bytes to it. */
  readonly received: number;
}

/** Counts of datagrams since the start. */
export interface DatagramTotals
  extends Readonly<Pick<DatagramCounts, "sent" | "sentBytes" | "received" | "receivedBytes">> {
  /** Datagrams, and packets with a share of one, that were dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** The status of a handler. */
export interface HandlerStatus extends Levels {
  /** Its role. */
  readonly role: "server" | "client";
  /** Number of open sessions, flows of datagrams included. */
  readonly sessionCount: number;
  /** Number of open flows of datagrams. */
  readonly flowCount: number;
  /** The newest sessions, newest first. */
  readonly sessions: readonly SessionStatus[];
  /** Number of open streams. */
  readonly streams: number;
  /** Number of open associations. */
  readonly associationCount: number;
  /** The associations with the most sessions, those first. */
  readonly associations: readonly AssociationStatus[];
  /** Clients that have proved their identity, those with the most sessions first; absent if there are none. */
  readonly clients?: readonly ClientStatus[];
  /** All channels. */
  readonly channels: readonly ChannelStatus[];
  /**
   * Counts since the start: sessions and handshakes by outcome, resets by cause, refusals by reason; refused records, and
   * waits of streams for credit; datagrams.
   */
  readonly totals:
    & Readonly<Record<"ended" | "resets" | "refusals" | "handshakes", Readonly<Record<string, number>>>>
    & Readonly<Record<"refusedRecords" | "creditWaits", number>>
    & { readonly datagrams: DatagramTotals };
}

/** The status of a handler and its process. */
export interface Status extends HandlerStatus {
  /** The program's version. */
  readonly version: string;
  /** Name of the machine. */
  readonly host: string;
  /** Id of the process. */
  readonly pid: number;
  /** Seconds since the start of the process. */
  readonly uptime: number;
  /** True once it has stopped taking new sessions. */
  readonly ending: boolean;
  /** The last answer of /readyz; null before the first request. */
  readonly readiness: Answer | null;
  /** The last log lines, oldest first. */
  readonly events: readonly Event[];
}

/** Every channel's rates in each sample of the last minute, latest last. */
export type History = readonly (readonly Pick<ChannelStatus, "server" | "address" | "rateOut" | "rateIn">[])[];

/** Extracts the rates from samples. */
export function historyOf(samples: readonly (readonly ChannelSample[])[]): History {
  return samples.map((sample) =>
    sample.map(({ record, rateOut, rateIn }) => ({
      server: record.server,
      address: formatAddress(record.address),
      rateOut: Math.round(rateOut),
      rateIn: Math.round(rateIn),
    }))
  );
}

/** The parts of a status that the handler itself doesn't know. */
export interface StatusOptions {
  /** The program's version. */
  readonly version: string;
  /** True once the handler has stopped taking new sessions. */
  readonly ending: boolean;
  /** The last answer of /readyz. */
  readonly readiness: Answer | null;
  /** Log lines. */
  readonly events: readonly Event[];
}

/** Describes a handler and this process. */
export function statusOf(
  { role, ...rest }: HandlerStatus,
  { version, ending, readiness, events }: StatusOptions,
): Status {
  const uptime = Math.round(performance.now()) / 1000;
  return { role, version, host: Deno.hostname(), pid: Deno.pid, uptime, ending, readiness, ...rest, events };
}

/** Describes a handler. @param channels Its channels in the last sample. */
export function handlerStatus(handler: Observable, channels: readonly ChannelSample[]): HandlerStatus {
  const { role, activity } = handler;
  const now = activity.clock.now();
  const age = (since: number) => Math.round(now - since) / 1000;
  const { sessions, associations, ended, resets, refusals, handshakes } = activity, clients = clientsOf(activity);
  const levels = handler.levels();
  const keptApart = ({ server, index }: ChannelRecord) =>
    levels.routes?.find((one) => one.server === server && one.channel === index)?.kept;
  return {
    role,
    sessionCount: sessions.size,
    flowCount: activity.flows,
    sessions: Iterator.from(sessions).drop(Math.max(0, sessions.size - MAX_LISTED)).map((
      { association, traffic, began, ...session },
    ) => ({
      ...session,
      association: association.id,
      age: age(began),
      sent: traffic.sent,
      received: traffic.received,
    })).toArray().reverse(),
    streams: activity.streams,
    associationCount: associations.size,
    associations: [...associations].sort(([, one], [, other]) => other.sessions - one.sessions).slice(0, MAX_LISTED)
      .map(([{ id, connections, threshold, shares, sent, received }, { server, sessions, began, client }]) => ({
        id,
        peer: server === "" ? formatAddress(connections[0]!.remote) : server,
        ...client !== undefined && { client },
        sessions,
        age: age(began),
        shares,
        sent: ofNeeded(sent, threshold),
        received: ofNeeded(received, threshold),
      })),
    ...clients.length > 0 && { clients: clients.slice(0, MAX_LISTED) },
    channels: channels.map(({ record, holdsIn: _in, holdsOut: _out, ...sample }) => ({
      server: record.server,
      channel: record.index,
      address: formatAddress(record.address),
      ...sample,
      rateOut: Math.round(sample.rateOut),
      rateIn: Math.round(sample.rateIn),
      broken: record.broken,
      rejoined: record.rejoined,
      lies: record.lies,
      failures: record.failures,
      ...record.failed !== null && { failure: { reason: record.failed.reason, age: age(record.failed.at) } },
      ...keptApart(record) !== undefined && { keptApart: keptApart(record)! },
    })),
    totals: {
      ended: Object.fromEntries(ended.entries()),
      resets: Object.fromEntries(resets.entries()),
      refusals: Object.fromEntries(refusals.entries()),
      handshakes: Object.fromEntries(handshakes.entries()),
      refusedRecords: activity.refusedRecords,
      creditWaits: activity.creditWaits,
      datagrams: datagramTotals(activity.datagrams),
    },
    ...levels,
  };
}

function datagramTotals(counts: DatagramCounts): DatagramTotals {
  const { sent, sentBytes, received, receivedBytes } = counts;
  return { sent, sentBytes, received, receivedBytes, dropped: Object.fromEntries(droppedOf(counts)) };
}

/** The lowest count of the `needed` channels that are ahead. */
function ofNeeded(counts: readonly number[], needed: number): number {
  return counts.toSorted((one, other) => other - one)[needed - 1]!;
}
