import type { Activity } from "./activity.ts";
import type { ChannelRecord } from "./channel_records.ts";

/** A channel's current counters and backlog. */
export interface ChannelLevel {
  /** The channel's history. */
  readonly record: ChannelRecord;
  /** Bytes sent to the other handler, ever. */
  sent: number;
  /** Bytes received from the other handler, ever. */
  received: number;
  /** Bytes offered that it has not accepted, in its worst association. */
  behindOut: number;
  /** Bytes received on the foremost channel but not on this one, in its worst association. */
  behindIn: number;
  /** True when another channel has accepted everything and an association waits for this one. */
  holdsOut: boolean;
  /** True when another channel has bytes to join and an association waits for this one. */
  holdsIn: boolean;
  /** Number of its associations. */
  associations: number;
  /** Number of those that wait for it to be joined again. */
  away: number;
  /** Number of those that have given it up, as it lied. */
  lying: number;
}

const NOTHING = { behindOut: 0, behindIn: 0, holdsOut: false, holdsIn: false, associations: 0, away: 0, lying: 0 };

/** Computes the level of every channel in one pass over the associations. */
export function channelLevels({ channels, associations }: Activity): ChannelLevel[] {
  const levels = new Map<ChannelRecord, ChannelLevel>(
    channels.all.map((record) => [record, { record, ...record.past, ...NOTHING }]),
  );
  for (const [association, { records }] of associations) {
    const { sent, received, behind, away, skipped } = association;
    const front = Math.max(...received);
    const done = behind.includes(0);
    records.forEach((record, at) => {
      const level = record && levels.get(record);
      if (level === undefined) return;
      level.sent += sent[at]!;
      level.received += received[at]! - skipped[at]!;
      level.associations++;
      if (association.isLiar(at)) {
        level.lying++;
        return;
      }
      const [behindOut, behindIn] = [behind[at]!, front - received[at]!];
      level.behindOut = Math.max(level.behindOut, behindOut);
      level.behindIn = Math.max(level.behindIn, behindIn);
      level.holdsOut ||= behindOut > 0 && done;
      level.holdsIn ||= behindIn > 0 && association.awaits(at);
      if (away.has(at)) level.away++;
    });
  }
  return [...levels.values()];
}
