import { type ChannelAddress, formatAddress, formatChannel } from "../net/address.ts";
import { MAX_CHANNELS } from "../wire/associate.ts";
import { CHANNEL_PATTERN, channelSyntax } from "./channel.ts";
import { checkDistinctHosts } from "./check.ts";
import { textSchema } from "./json_schema.ts";
import { nearest } from "./nearest.ts";
import type { Node } from "./node.ts";
import { type Problems, quote } from "./problems.ts";
import { delaySyntax, fractionSyntax, rateSyntax } from "./quality.ts";
import { readSettings } from "./read.ts";
import type { Field, Schema } from "./schema.ts";
import { map, scalar } from "./shape.ts";
import { type PairSyntax, type Syntax } from "./syntax.ts";
import type { Estimate, Qualities, Server } from "./types.ts";

/** Text form of each property of a channel. */
const SYNTAXES: Readonly<Record<keyof Qualities, Syntax<number>>> = {
  risk: fractionSyntax(),
  loss: fractionSyntax(true),
  delay: delaySyntax,
  rate: rateSyntax,
};

const qualitiesSchema: Schema<Qualities> = {
  risk: {
    key: "risk",
    shape: scalar(SYNTAXES.risk),
    example: "10%",
    doc: "Probability that an adversary reads the channel",
  },
  loss: {
    key: "loss",
    shape: scalar(SYNTAXES.loss),
    example: "0.1%",
    doc: "Fraction of its packets that are lost; default: micss plan measures it",
  },
  delay: {
    key: "delay",
    shape: scalar(SYNTAXES.delay),
    example: "12ms",
    doc: "Time that a packet takes one way; default: micss plan measures it",
  },
  rate: {
    key: "rate",
    shape: scalar(SYNTAXES.rate),
    example: "14.9mbit",
    doc: "Throughput of TCP over it, in its slower direction; default: micss plan measures it",
  },
};

const QUALITIES = Object.keys(SYNTAXES) as (keyof Qualities)[];

const VALUES = String.raw`(risk|loss|delay|rate):[^,]+(,(risk|loss|delay|rate):[^,]+)*`;

/** An estimate: `192.0.2.10=risk:10%,rate:100mbit`. */
export const estimateSyntax: PairSyntax<Estimate> = {
  placeholder: "HOST[:PORT]=NAME:VALUE,...",
  means: "a channel, and any of its risk, loss, delay and rate: 192.0.2.10=risk:10%,loss:0.1%,delay:12ms,rate:100mbit",
  schema: textSchema(`${CHANNEL_PATTERN}=${VALUES}`),
  keySchema: textSchema(CHANNEL_PATTERN),
  valueSchema: textSchema(VALUES),
  parse(text) {
    const match = /^([^=]*)=(.+)$/s.exec(text);
    if (match === null) throw new SyntaxError(`not an estimate: ${quote(text)}; write HOST=risk:10%,rate:100mbit`);
    const values = match[2]!.split(",").map((part) => parseQuality(part.trim()));
    const twice = values.find(([name], at) => values.findIndex(([other]) => other === name) < at);
    if (twice !== undefined) throw new SyntaxError(`two values of ${twice[0]}: ${quote(text)}; write one`);
    return { channel: channelSyntax.parse(match[1]!.trim()), ...Object.fromEntries(values) };
  },
  format: (estimate) =>
    `${formatChannel(estimate.channel)}=${
      QUALITIES.flatMap((name) => {
        const value = estimate[name];
        return value === undefined ? [] : `${name}:${SYNTAXES[name].format(value)}`;
      }).join(",")
    }`,
};

/** The setting `estimates` of a client's server. */
export const estimatesField: Field<readonly Estimate[]> = {
  key: "estimates",
  shape: map(estimateSyntax, { key: "ADDRESS", schema: qualitiesSchema, read: readEstimate }),
  example: "{ 192.0.2.10: { risk: 10%, rate: 100mbit } }",
  doc: "Properties of channels for micss plan, which also considers those not in channels; handlers ignore them",
};

/** All channels that `micss plan` considers: those in use, then those that only have estimates. */
export function candidates({ channels, estimates = [] }: Server): readonly ChannelAddress[] {
  const used = new Set(channels.map(formatAddress));
  return [...channels, ...estimates.flatMap(({ channel }) => used.has(formatAddress(channel)) ? [] : channel)];
}

/** Reports estimates that contradict the channels or each other, and too many of them. */
export function checkEstimates(server: Server, problems: Problems): void {
  const { channels, estimates = [] } = server;
  const seen = new Set<string>();
  for (const { channel } of estimates) {
    const text = formatAddress(channel);
    if (seen.has(text)) problems.at(channel, `two estimates for ${text}; give one`);
    seen.add(text);
  }
  const all = candidates(server);
  // Too many channels in use are reported as such.
  if (all.length > MAX_CHANNELS && channels.length <= MAX_CHANNELS) {
    problems.at(server, `${all.length} channels with estimates or in use; give at most ${MAX_CHANNELS}`);
  }
  if (all.length > channels.length && seen.size === estimates.length) checkDistinctHosts(all, problems);
}

/** Reads an estimate in the file, a map of qualities. */
function readEstimate(channel: string, node: Node, problems: Problems): Estimate | undefined {
  try {
    const address = channelSyntax.parse(channel);
    problems.remember(address, node.place);
    return { channel: address, ...readSettings(qualitiesSchema, node, problems) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    problems.add(node.place, error.message);
    return undefined;
  }
}

function parseQuality(text: string): [keyof Qualities, number] {
  const [, name = "", value = ""] = /^([^:]*):(.*)$/s.exec(text) ?? [];
  const known = QUALITIES.find((one) => one === name);
  if (known !== undefined) return [known, SYNTAXES[known].parse(value)];
  const near = nearest(name, QUALITIES);
  const hint = near === undefined
    ? `write ${QUALITIES.join(", ")}, each with a colon and a value`
    : `did you mean ${near}?`;
  throw new SyntaxError(`not a property of a channel: ${quote(text)}; ${hint}`);
}
