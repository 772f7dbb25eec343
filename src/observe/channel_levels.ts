import type { Activity } from "./activity.ts";
import type { ChannelRecord } from "./channel_records.ts";

/** A channel at this moment. */
export interface ChannelLevel {
  /** What is known of it. */
  readonly record: ChannelRecord;
  /** Bytes to the other handler, ever. */
  sent: number;
  /** Bytes from the other handler, ever. */
  received: number;
  /** Bytes that are on their way and that it has not taken, in the association where that is most. */
  behindOut: number;
  /** Bytes that have come on the association's foremost channel and not on this one, where that is most. */
  behindIn: number;
  /** Whether another channel has taken all, and the association waits for this one. */
  holdsOut: boolean;
  /** Whether another channel has more to join, and the association waits for this one. */
  holdsIn: boolean;
  /** In how many associations it is. */
  associations: number;
}

const NOTHING = { behindOut: 0, behindIn: 0, holdsOut: false, holdsIn: false, associations: 0 };

/** Looks at all channels: once at each association, however many channels are known. */
export function channelLevels({ channels, associations }: Activity): ChannelLevel[] {
  const levels = new Map<ChannelRecord, ChannelLevel>(
    channels.all.map((record) => [record, { record, ...record.past, ...NOTHING }]),
  );
  for (const [association, { records }] of associations) {
    const { sent, received, offered } = association;
    const front = Math.max(...received);
    const through = sent.includes(offered);
    records.forEach((record, at) => {
      const level = record && levels.get(record);
      if (level === undefined) return;
      level.sent += sent[at]!;
      level.received += received[at]!;
      const [behindOut, behindIn] = [offered - sent[at]!, front - received[at]!];
      level.behindOut = Math.max(level.behindOut, behindOut);
      level.behindIn = Math.max(level.behindIn, behindIn);
      level.holdsOut ||= behindOut > 0 && through;
      level.holdsIn ||= behindIn > 0 && association.awaits(at);
      level.associations++;
    });
  }
  return [...levels.values()];
}
