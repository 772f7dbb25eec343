import type { Shares } from "../association/association_options.ts";
import { BENCH_PORT, BenchError, type BenchOptions, MEASURABLE, measureChannels } from "../bench/mod.ts";
import { checkServers, clientSpec, sharesField } from "../config/client.ts";
import { candidates, estimateSyntax } from "../config/estimate.ts";
import { readFile } from "../config/file.ts";
import { loadFileOf } from "../config/side.ts";
import { readFlags } from "../config/flags.ts";
import { configOptions } from "../config/load.ts";
import { suggestion } from "../config/nearest.ts";
import { Problems, quote, UsageError } from "../config/problems.ts";
import { delaySyntax, fractionSyntax, rateSyntax } from "../config/quality.ts";
import { readConfig, type Spec } from "../config/read.ts";
import { type Option, optionsOf } from "../config/schema.ts";
import { list, scalar, toggle } from "../config/shape.ts";
import { pathSyntax, portSyntax } from "../config/syntax.ts";
import type { ClientConfig, Estimate, Server } from "../config/types.ts";
import { reasonOf } from "../errors/errors.ts";
import { formatAddress, formatChannel } from "../net/address.ts";
import { realSystem } from "../net/system/system.ts";
import { type Channel, plan, report, svg, type Wish } from "../plan/mod.ts";
import { withJoinedServers } from "../state/joined_servers.ts";
import type { Command, Output } from "./command.ts";
import { takePositional } from "./positional.ts";
import { secondsSyntax } from "./seconds.ts";

const SUBJECT = "micss plan";

/** Flags other than those of the client's configuration. */
interface PlanFlags {
  readonly estimates: readonly Estimate[];
  readonly maxRisk: number;
  readonly maxLoss?: number;
  readonly maxDelay?: number;
  readonly minRate?: number;
  readonly svg?: string;
  readonly port: number;
  readonly seconds: number;
  readonly json: boolean;
}

const spec: Spec<PlanFlags> = {
  schema: {
    estimates: {
      key: "estimate",
      flag: "estimate",
      shape: list(estimateSyntax),
      default: [],
      doc: "Risk, loss, delay or rate of a channel, over the file's estimates; channels not in use may have some",
    },
    maxRisk: {
      key: "max-risk",
      flag: "max-risk",
      shape: scalar(fractionSyntax()),
      default: 0.01,
      doc: "Maximum probability that an adversary reads a record; of what is left, the fastest is chosen",
    },
    maxLoss: {
      key: "max-loss",
      flag: "max-loss",
      shape: scalar(fractionSyntax()),
      doc: "Maximum probability that a record is lost, or waits for a retransmission",
    },
    maxDelay: { key: "max-delay", flag: "max-delay", shape: scalar(delaySyntax), doc: "Maximum mean delay one way" },
    minRate: { key: "min-rate", flag: "min-rate", shape: scalar(rateSyntax), doc: "Minimum rate" },
    svg: { key: "svg", flag: "svg", shape: scalar(pathSyntax), doc: "Write a picture to this file" },
    port: {
      key: "port",
      flag: "port",
      shape: scalar(portSyntax),
      default: BENCH_PORT,
      doc: "Port of micss bench --answer on the server's host, which measures what is not estimated",
    },
    seconds: {
      key: "seconds",
      flag: "seconds",
      shape: scalar(secondsSyntax),
      default: 3,
      doc: `Duration of each measurement, ${secondsSyntax.means}; up to three per channel`,
    },
    json: { key: "json", flag: "json", shape: toggle, default: false, doc: "Print JSON" },
  },
  check() {},
};

/** The client's configuration without the need for an ingress. */
const serversSpec: Spec<ClientConfig> = withJoinedServers({
  schema: clientSpec.schema,
  check({ servers }, problems) {
    if (servers.length === 0) {
      problems.at(servers, "no server; give --server NAME=HOST,HOST or --config FILE, or join one with micss join");
    }
    checkServers(servers, problems);
  },
});

/** The flag `--shares`, which overrides the file. */
const { default: _default, ...PLANNED_SHARES } = {
  ...sharesField,
  doc: "Length of shares of choices that need all of them; default: that of the file, or full",
};

const OPTIONS: readonly Option[] = [
  ...configOptions(clientSpec).slice(0, 1),
  ...optionsOf({ servers: clientSpec.schema.servers, shares: PLANNED_SHARES }).filter(({ flag }) => flag !== undefined),
  ...optionsOf(spec.schema).map(({ path: _, ...option }) => option),
];

/** `micss plan`. */
export const command: Command = {
  usage: "[NAME] --config FILE | --server NAME=HOST,HOST... [--estimate HOST=risk:10%,...]... [--max-risk FRACTION] " +
    "[--shares full|short] [--svg FILE] [--json]",
  options: OPTIONS,
  examples: [
    "micss plan --config client.yaml",
    "micss plan web --config client.yaml --max-risk 0.1% --max-delay 50ms --svg plan.svg",
    "micss plan web --config client.yaml --shares short",
    "micss plan --server web=192.0.2.10,198.51.100.10 --estimate 192.0.2.10=risk:10% --estimate 198.51.100.10=risk:20%",
  ],
  async run(args, output) {
    const { server, shares, flags } = readArguments(args);
    try {
      const options: BenchOptions = {
        ...realSystem,
        port: flags.port,
        window: Math.round(flags.seconds * 1000),
        progress: (text) => output.err(`measuring ${text}\n`),
      };
      return print(plan(server.name, await channelsOf(server, options), wishOf(flags), shares), flags, output);
    } catch (error) {
      if (!(error instanceof BenchError)) throw error;
      output.err(`${SUBJECT}: ${error.message}\n`);
      return 1;
    }
  },
};

function readArguments(args: string[]): { server: Server; shares: Shares; flags: PlanFlags } {
  const { value, rest } = takePositional(SUBJECT, OPTIONS, args);
  const given = readFlags(SUBJECT, OPTIONS, rest);
  const path = given.get("config")?.value as string | undefined;
  const file = path === undefined ? undefined : loadFileOf("client", path, `${SUBJECT}: --config`, readFile);
  const problems = new Problems(SUBJECT);
  const { servers, shares } = readConfig(
    serversSpec,
    { subject: SUBJECT, flags: given, ...file && { file } },
    problems,
  );
  const flags = readConfig(spec, { subject: SUBJECT, flags: given }, problems);
  const server = withEstimates(selected(servers, value), flags.estimates);
  checkServers([server], problems);
  for (const channel of candidates(server)) {
    const text = formatAddress(channel);
    if (estimateOf(server, text)?.risk !== undefined) continue;
    problems.at(server, `no risk of channel ${text}; give one, such as --estimate ${text}=risk:10%`);
  }
  problems.throwIfAny();
  return { server, shares: given.has("shares") ? shares : server.shares ?? shares, flags };
}

/** @throws {UsageError} If it is not clear which. */
function selected(servers: readonly Server[], name: string | undefined): Server {
  const names = servers.map(({ name }) => name);
  const server = name === undefined && servers.length === 1 ? servers[0] : servers.find((one) => one.name === name);
  if (server !== undefined) return server;
  const problem = name === undefined
    ? `several servers; give the name of one of ${names.join(", ")}`
    : `${quote(name)}: no server has this name; ${suggestion(name, names)}`;
  throw new UsageError([`${SUBJECT}: ${problem}`]);
}

/** Overrides a server's estimates, one property at a time. */
function withEstimates(server: Server, given: readonly Estimate[]): Server {
  const known = new Map((server.estimates ?? []).map((one) => [formatAddress(one.channel), one]));
  for (const one of given) {
    const text = formatAddress(one.channel);
    known.set(text, { ...known.get(text), ...one });
  }
  return { ...server, estimates: [...known.values()] };
}

function estimateOf({ estimates = [] }: Server, channel: string): Estimate | undefined {
  return estimates.find((one) => formatAddress(one.channel) === channel);
}

function wishOf({ maxRisk, maxLoss, maxDelay, minRate }: PlanFlags): Wish {
  return {
    risk: maxRisk,
    ...maxLoss !== undefined && { loss: maxLoss },
    ...maxDelay !== undefined && { delay: maxDelay },
    ...minRate !== undefined && { rate: minRate },
  };
}

/** The channels with what is estimated, and measurements of the rest. */
async function channelsOf(server: Server, options: BenchOptions): Promise<Channel[]> {
  const channels = candidates(server);
  const given = channels.map((channel) => estimateOf(server, formatAddress(channel))!);
  const missing = given.map((estimate) => MEASURABLE.filter((name) => estimate[name] === undefined));
  const measured = await measureChannels({ ...server, channels }, missing, options);
  return channels.map((channel, at) => {
    const { channel: _, ...qualities } = given[at]!;
    const all = { ...qualities, ...measured[at] } as Required<Omit<Channel, "address" | "measured" | "roundTrips">>;
    return { address: formatChannel(channel), ...all, ...missing[at]!.length > 0 && { measured: missing[at]! } };
  });
}

function print(made: ReturnType<typeof plan>, { json, svg: path }: PlanFlags, output: Output): number {
  if (path !== undefined) {
    try {
      Deno.writeTextFileSync(path, svg(made));
    } catch (error) {
      output.err(`${SUBJECT}: ${path}: ${reasonOf(error)}\n`);
      return 1;
    }
  }
  output.out(json ? `${JSON.stringify(made, null, 2)}\n` : report(made));
  return made.choice === null ? 1 : 0;
}
