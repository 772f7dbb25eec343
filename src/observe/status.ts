import { formatAddress } from "../net/address.ts";
import type { Answer } from "./readiness.ts";
import type { Levels, Observable } from "./observable.ts";
import type { Event } from "../log/recent.ts";
import type { ChannelSample, ChannelState } from "./sampler.ts";

/** How many sessions a status lists: those that began last. */
export const MAX_SESSIONS = 100;

/** A channel; bytes and rates as seen from here, out to the other handler and in from it. */
export interface ChannelStatus {
  /** The server's name on a client; empty on a server. */
  readonly server: string;
  /** Its place, from 1. */
  readonly channel: number;
  /** Its address at the server handler. */
  readonly address: string;
  /** What it is doing. */
  readonly state: ChannelState;
  /** Associations that it is part of. */
  readonly associations: number;
  /** Bytes out. */
  readonly sent: number;
  /** Bytes in. */
  readonly received: number;
  /** Bytes a second out. */
  readonly rateOut: number;
  /** Bytes a second in. */
  readonly rateIn: number;
  /** Bytes that it is behind its association's foremost channel, where that is most. */
  readonly behindOut: number;
  /** The same of what comes in. */
  readonly behindIn: number;
  /** How often it failed. */
  readonly failures: number;
  /** Why it last failed, and how many seconds ago. */
  readonly failure?: { readonly reason: string; readonly age: number };
}

/** A session that is under way. */
export interface SessionStatus {
  /** What the log calls it. */
  readonly id: string;
  /** The number of the worker that carries it; left out where there is but one. */
  readonly worker?: number;
  /** Where its application connects from, where that is known. */
  readonly from?: string;
  /** The server's name, or the target. */
  readonly to: string;
  /** The port that was asked for. */
  readonly port: number;
  /** Which association carries it. */
  readonly association: string;
  /** Seconds. */
  readonly age: number;
  /** Bytes from the application on a client, from the target on a server. */
  readonly sent: number;
  /** Bytes to it. */
  readonly received: number;
}

/** What is seen of a handler. */
export interface HandlerStatus extends Levels {
  /** Which handler it is. */
  readonly role: "server" | "client";
  /** How many sessions are under way. */
  readonly sessionCount: number;
  /** Those that began last, the latest first. */
  readonly sessions: readonly SessionStatus[];
  /** How many associations there are. */
  readonly associations: number;
  /** All channels. */
  readonly channels: readonly ChannelStatus[];
  /** What has happened so far: sessions by how they ended, and reset sessions by cause. */
  readonly totals: Readonly<Record<"ended" | "resets" | "refusals" | "handshakes", Readonly<Record<string, number>>>>;
}

/** A handler as it is now. */
export interface Status extends HandlerStatus {
  /** The program's version. */
  readonly version: string;
  /** Name of the machine. */
  readonly host: string;
  /** The process. */
  readonly pid: number;
  /** Seconds since it began. */
  readonly uptime: number;
  /** Whether it takes nothing new any more. */
  readonly ending: boolean;
  /** The last answer of /readyz; null where nobody has asked. */
  readonly readiness: Answer | null;
  /** The last log lines, the oldest first. */
  readonly events: readonly Event[];
}

/** What channels did in the last minute: of each look, the latest at the end, each channel's rates. */
export type History = readonly (readonly Pick<ChannelStatus, "server" | "address" | "rateOut" | "rateIn">[])[];

/** Tells what channels did. */
export function historyOf(looks: readonly (readonly ChannelSample[])[]): History {
  return looks.map((look) =>
    look.map(({ record, rateOut, rateIn }) => ({
      server: record.server,
      address: formatAddress(record.address),
      rateOut: Math.round(rateOut),
      rateIn: Math.round(rateIn),
    }))
  );
}

/** What a status is told beside what the handler knows. */
export interface StatusOptions {
  /** The program's version. */
  readonly version: string;
  /** Whether the handler takes nothing new any more. */
  readonly ending: boolean;
  /** The last answer of /readyz. */
  readonly readiness: Answer | null;
  /** Log lines. */
  readonly events: readonly Event[];
}

/** Describes a handler, and its process. */
export function statusOf(
  { role, ...seen }: HandlerStatus,
  { version, ending, readiness, events }: StatusOptions,
): Status {
  const uptime = Math.round(performance.now()) / 1000;
  return { role, version, host: Deno.hostname(), pid: Deno.pid, uptime, ending, readiness, ...seen, events };
}

/** Describes a handler. @param channels Its channels at the last look. */
export function handlerStatus(handler: Observable, channels: readonly ChannelSample[]): HandlerStatus {
  const { role, activity } = handler;
  const now = activity.clock.now();
  const age = (since: number) => Math.round(now - since) / 1000;
  const { sessions, associations, ended, resets, refusals, handshakes } = activity;
  return {
    role,
    sessionCount: sessions.size,
    sessions: [...sessions.values()].slice(-MAX_SESSIONS).reverse().map((
      { association, traffic, began, ...session },
    ) => ({
      ...session,
      association: association.id,
      age: age(began),
      sent: traffic.sent,
      received: traffic.received,
    })),
    associations: associations.size,
    channels: channels.map(({ record, holdsIn: _in, holdsOut: _out, ...sample }) => ({
      server: record.server,
      channel: record.index,
      address: formatAddress(record.address),
      ...sample,
      rateOut: Math.round(sample.rateOut),
      rateIn: Math.round(sample.rateIn),
      failures: record.failures,
      ...record.failed !== null && { failure: { reason: record.failed.reason, age: age(record.failed.at) } },
    })),
    totals: {
      ended: Object.fromEntries(ended.entries()),
      resets: Object.fromEntries(resets.entries()),
      refusals: Object.fromEntries(refusals.entries()),
      handshakes: Object.fromEntries(handshakes.entries()),
    },
    ...handler.levels(),
  };
}
