import { LOG_THRESHOLDS } from "../log/log.ts";
import { PAD_CHOICES, type PadChoice } from "../sharing/pads.ts";
import type { Field, Group } from "./schema.ts";
import { one } from "./shape.ts";
import { countSyntax, durationSyntax, wordSyntax } from "./syntax.ts";
import type { LogConfig, Timeouts } from "./types.ts";
import { MAX_WORKERS } from "../wire/workers.ts";

/** What a handler waits for how long where nobody says otherwise. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  handshake: 5_000,
  connect: 10_000,
  idle: 60_000,
  ping: 8_000,
  silence: 25_000,
  keepalive: 60_000,
  drain: 30_000,
};

/** `timeouts`, the same for both handlers. */
export const timeoutsGroup: Group<Timeouts> = {
  key: "timeouts",
  fields: {
    handshake: {
      key: "handshake",
      shape: one(durationSyntax),
      default: DEFAULT_TIMEOUTS.handshake,
      doc: "From a channel's first attempt, or its accept, until it is associated",
    },
    connect: {
      key: "connect",
      shape: one(durationSyntax),
      default: DEFAULT_TIMEOUTS.connect,
      doc: "Until a connection to a target is made",
    },
    idle: {
      key: "idle",
      shape: one(durationSyntax),
      default: DEFAULT_TIMEOUTS.idle,
      doc: "How long the client keeps an unused association; the server keeps it twice as long",
    },
    ping: {
      key: "ping",
      shape: one(durationSyntax),
      default: DEFAULT_TIMEOUTS.ping,
      doc: "A session that sends nothing for so long gives a sign of life",
    },
    silence: {
      key: "silence",
      shape: one(durationSyntax),
      default: DEFAULT_TIMEOUTS.silence,
      doc: "A channel of a session that gives no sign of life for so long is dead, and the session is reset",
    },
    keepalive: {
      key: "keepalive",
      shape: one(durationSyntax),
      default: DEFAULT_TIMEOUTS.keepalive,
      doc:
        "Idle time after which an application's or target's host is probed; its session is reset if nothing answers " +
        "for as long again",
    },
    drain: {
      key: "drain",
      shape: one(durationSyntax),
      default: DEFAULT_TIMEOUTS.drain,
      doc: "How long SIGTERM lets sessions finish",
    },
  },
};

/** `workers`, of either handler. @param doc What it comes to there. */
export function workersField(doc: string): Field<number> {
  return { key: "workers", flag: "workers", shape: one(countSyntax(1, MAX_WORKERS)), default: 1, doc };
}

/** `pads`, the same for both handlers. */
export const padsField: Field<PadChoice> = {
  key: "pads",
  flag: "pads",
  shape: one(wordSyntax("source of pads", PAD_CHOICES)),
  default: "auto",
  doc: "auto: AES-256 by the system's OpenSSL, a fresh key each, where there is one; system: Deno's generator alone",
};

/** `log`, the same for both handlers. */
export const logGroup: Group<LogConfig> = {
  key: "log",
  fields: {
    level: {
      key: "level",
      flag: "log-level",
      shape: one(wordSyntax("level", LOG_THRESHOLDS)),
      default: "info",
      doc: "Minimum level; quiet: warnings and errors, and when the handler starts, reloads and ends",
    },
    format: {
      key: "format",
      flag: "log-format",
      shape: one(wordSyntax("format", ["text", "json"])),
      default: "text",
      doc: "Lines for people, or one JSON object a line",
    },
  },
};
