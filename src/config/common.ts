import { LOG_THRESHOLDS } from "../log/log.ts";
import { PAD_CHOICES, type PadChoice } from "../sharing/pads.ts";
import type { Padding } from "../streams/multiplexer_options.ts";
import type { Field, Group, Schema } from "./schema.ts";
import { scalar } from "./shape.ts";
import { countSyntax, durationOrOffSyntax, durationSyntax, wordSyntax } from "./syntax.ts";
import type { LogConfig, StreamLimits, Timeouts } from "./types.ts";
import { MAX_WORKERS } from "../wire/workers.ts";

/** Timeouts that apply unless configured, in milliseconds. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  handshake: 5_000,
  connect: 10_000,
  idle: 60_000,
  ping: 8_000,
  silence: 25_000,
  rejoin: 30_000,
  keepalive: 60_000,
  flow: 120_000,
  drain: 30_000,
};

/** `timeouts` of both handlers. */
export const timeoutsGroup: Group<Timeouts> = {
  key: "timeouts",
  fields: {
    handshake: {
      key: "handshake",
      shape: scalar(durationSyntax),
      default: DEFAULT_TIMEOUTS.handshake,
      doc: "Limit from a channel's first connection attempt, or its accept, until it is associated",
    },
    connect: {
      key: "connect",
      shape: scalar(durationSyntax),
      default: DEFAULT_TIMEOUTS.connect,
      doc: "Limit for connecting to a target",
    },
    idle: {
      key: "idle",
      shape: scalar(durationSyntax),
      default: DEFAULT_TIMEOUTS.idle,
      doc: "Time that the client keeps an association without a session; the server keeps it twice as long",
    },
    ping: {
      key: "ping",
      shape: scalar(durationSyntax),
      default: DEFAULT_TIMEOUTS.ping,
      doc: "Send PING when an association with sessions has sent nothing for this time",
    },
    silence: {
      key: "silence",
      shape: scalar(durationSyntax),
      default: DEFAULT_TIMEOUTS.silence,
      doc: "Give up a channel's connection when it has been silent for this time; see rejoin",
    },
    rejoin: {
      key: "rejoin",
      shape: scalar(durationOrOffSyntax),
      default: DEFAULT_TIMEOUTS.rejoin,
      doc: "Time that a broken channel has to be joined again while its sessions wait; 0: they are reset at once",
    },
    keepalive: {
      key: "keepalive",
      shape: scalar(durationSyntax),
      default: DEFAULT_TIMEOUTS.keepalive,
      doc: "Probe the host of an application or target after this idle time; reset the session if no reply arrives " +
        "within the same time again",
    },
    flow: {
      key: "flow",
      shape: scalar(durationSyntax),
      default: DEFAULT_TIMEOUTS.flow,
      doc: "Time that the client keeps a flow of datagrams in which there are none, a twelfth of it after a single " +
        "question and answer; the server keeps it twice as long",
    },
    drain: {
      key: "drain",
      shape: scalar(durationSyntax),
      default: DEFAULT_TIMEOUTS.drain,
      doc: "Time that SIGTERM gives sessions to finish",
    },
  },
};

/** Fewest and most bytes of credit; every stream begins with the fewest; see docs/PROTOCOL.md. */
const MIN_CREDIT = 65_536, MAX_CREDIT = 16_777_216;

/** Settings of `limits` that both handlers have. */
export const streamLimits: Schema<StreamLimits> = {
  credit: {
    key: "credit",
    shape: scalar({
      ...countSyntax(MIN_CREDIT, MAX_CREDIT),
      placeholder: "BYTES",
      means: `a number of bytes from ${MIN_CREDIT} to ${MAX_CREDIT}`,
    }),
    default: 4_194_304,
    doc: "Maximum bytes of a session on the way to its application or target, which may not read them; " +
      "a session moves at most as many per round trip",
  },
};

/** `workers` of either handler, documented as `doc`. */
export function workersField(doc: string): Field<number> {
  return { key: "workers", flag: "workers", shape: scalar(countSyntax(1, MAX_WORKERS)), default: 1, doc };
}

/** `pads` of both handlers. */
export const padsField: Field<PadChoice> = {
  key: "pads",
  flag: "pads",
  shape: scalar(wordSyntax("source of pads", PAD_CHOICES)),
  default: "auto",
  doc: "Source of pads; auto: AES-256 of the system's OpenSSL with fresh keys, if installed; system: Deno's generator",
};

/** `padding` of both handlers. */
export const paddingField: Field<Padding> = {
  key: "padding",
  flag: "padding",
  shape: scalar(wordSyntax("padding", ["off", "sizes", "beat"])),
  default: "off",
  doc: "Padding of what is sent; sizes: each burst of a session to a size class; beat: also small writes, such as " +
    "keystrokes, on a steady beat",
};

/** `threshold` of both handlers, and of a server on a client. */
export const thresholdField: Field<number> = {
  key: "threshold",
  flag: "threshold",
  shape: scalar(countSyntax(2, 15)),
  example: "2",
  doc: "Number of channels that suffice, fewer than there are: the others may be slow or away, and as many give away " +
    "all; the same on both sides; default: all channels are needed",
};

/** Reports a threshold that is not below the number of channels. @param add Adds the mistake. */
export function checkThreshold(
  threshold: number | undefined,
  channels: readonly unknown[],
  add: (message: string) => void,
): void {
  const { length } = channels;
  if (threshold === undefined || length === 0 || threshold < length) return;
  add(`threshold ${threshold} with ${length} channels; give less, or leave it out if all are needed`);
}

/** `log` of both handlers. */
export const logGroup: Group<LogConfig> = {
  key: "log",
  fields: {
    level: {
      key: "level",
      flag: "log-level",
      shape: scalar(wordSyntax("log level", LOG_THRESHOLDS)),
      default: "info",
      doc: "Minimum log level; quiet logs warnings, errors, and the handler's start, reloads and end",
    },
    format: {
      key: "format",
      flag: "log-format",
      shape: scalar(wordSyntax("log format", ["text", "json"])),
      default: "text",
      doc: "Text for people, or one JSON object per line",
    },
  },
};
