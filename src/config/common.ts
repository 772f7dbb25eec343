import { LOG_LEVELS } from "../observe/log.ts";
import type { Group } from "./schema.ts";
import { one } from "./shape.ts";
import { durationSyntax, wordSyntax } from "./syntax.ts";
import type { LogConfig, Timeouts } from "./types.ts";

/** `timeouts`, the same for both handlers. */
export const timeoutsGroup: Group<Timeouts> = {
  key: "timeouts",
  fields: {
    handshake: {
      key: "handshake",
      shape: one(durationSyntax),
      default: 5000,
      doc: "From a channel's first attempt, or its accept, until it is associated",
    },
    connect: {
      key: "connect",
      shape: one(durationSyntax),
      default: 10_000,
      doc: "Until a connection to a target is made",
    },
    idle: {
      key: "idle",
      shape: one(durationSyntax),
      default: 60_000,
      doc: "How long the client keeps an unused association; the server keeps it twice as long",
    },
    drain: {
      key: "drain",
      shape: one(durationSyntax),
      default: 30_000,
      doc: "How long SIGTERM lets sessions finish",
    },
  },
};

/** `log`, the same for both handlers. */
export const logGroup: Group<LogConfig> = {
  key: "log",
  fields: {
    level: {
      key: "level",
      flag: "log-level",
      shape: one(wordSyntax("level", LOG_LEVELS)),
      default: "info",
      doc: "The least grave lines to write",
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
