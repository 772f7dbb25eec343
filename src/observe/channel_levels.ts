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
  /** Bytes that it has yet to take, in the association where that is most. */
  behindOut: number;
  /** Bytes that have come on the association's foremost channel and not on this one, where that is most. */
  behindIn: number;
  /** In how many associations it is. */
  associations: number;
}

/** Looks at all channels: once at each association, however many channels are known. */
export function channelLevels({ channels, associations }: Activity): ChannelLevel[] {
  const levels = new Map<ChannelRecord, ChannelLevel>(
    channels.all.map((record) => [record, { record, ...record.past, behindOut: 0, behindIn: 0, associations: 0 }]),
  );
  for (const [{ sent, received, offered }, { records }] of associations) {
    const front = Math.max(...received);
    records.forEach((record, at) => {
      const level = record && levels.get(record);
      if (level === undefined) return;
      level.sent += sent[at]!;
      level.received += received[at]!;
      level.behindOut = Math.max(level.behindOut, offered - sent[at]!);
      level.behindIn = Math.max(level.behindIn, front - received[at]!);
      level.associations++;
    });
  }
  return [...levels.values()];
}
