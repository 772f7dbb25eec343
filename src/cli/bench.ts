import { setTimeout as sleep } from "node:timers/promises";
import type { Shares } from "../association/association_options.ts";
import { Answerer, BENCH_PORT, BenchError, benchServer, report } from "../bench/mod.ts";
import { checkChannelCount, checkDistinctHosts } from "../config/check.ts";
import { serverSyntax, sharesField } from "../config/client.ts";
import { readConfig, type Spec } from "../config/read.ts";
import { type Option, optionsOf } from "../config/schema.ts";
import { list, map, scalar, toggle } from "../config/shape.ts";
import { addressSyntax, durationSyntax, portSyntax } from "../config/syntax.ts";
import type { Server } from "../config/types.ts";
import { type Address, formatAddress } from "../net/address.ts";
import { StartError } from "../net/listen/listen.ts";
import { realSystem } from "../net/system/system.ts";
import type { Command, Output } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { secondsSyntax } from "./seconds.ts";

const SUBJECT = "micss bench";

interface BenchConfig {
  readonly servers: readonly Server[];
  readonly port: number;
  readonly seconds: number;
  readonly shares: Shares;
  readonly json: boolean;
  readonly answer: readonly Address[];
  readonly answerFor: number;
}

const spec: Spec<BenchConfig> = {
  schema: {
    servers: {
      key: "server",
      flag: "server",
      shape: map(serverSyntax),
      default: [],
      doc: "Server to measure, as for micss client",
    },
    port: {
      key: "port",
      flag: "port",
      shape: scalar(portSyntax),
      default: BENCH_PORT,
      doc: "Port of micss bench --answer on the server's host, and of its target",
    },
    seconds: {
      key: "seconds",
      flag: "seconds",
      shape: scalar(secondsSyntax),
      default: 3,
      doc: `Duration of each measurement, ${secondsSyntax.means}; three per channel and three of MICSS`,
    },
    shares: { ...sharesField, doc: "Length of the shares that MICSS is measured with" },
    json: { key: "json", flag: "json", shape: toggle, default: false, doc: "Print JSON" },
    answer: {
      key: "answer",
      flag: "answer",
      shape: list(addressSyntax({ defaultPort: BENCH_PORT, listen: true })),
      default: [],
      doc: `Answer measurements at this address, on the server's host; default port ${BENCH_PORT}`,
    },
    answerFor: {
      key: "for",
      flag: "for",
      shape: scalar(durationSyntax),
      default: 600_000,
      doc: "With --answer: exit after this time",
    },
  },
  check({ servers, answer }, problems) {
    if (answer.length > 0) {
      if (servers.length > 0) {
        problems.at(servers, "can't be combined with --answer; measure on one host and answer on the other");
      }
      return;
    }
    if (servers.length !== 1) problems.at(servers, "needs exactly one server; give --server NAME=HOST,HOST");
    for (const server of servers) {
      checkChannelCount(server.channels, server, problems);
      checkDistinctHosts(server.channels, problems);
    }
  },
};

/** Flags only; the command reads no file. */
const OPTIONS: readonly Option[] = optionsOf(spec.schema).map(({ path: _, ...option }) => option);

/** `micss bench`. */
export const command: Command = {
  usage:
    "--server NAME=HOST[:PORT],HOST[:PORT]... [--port PORT] [--seconds NUMBER] [--shares full|short] [--json] | --answer HOST[:PORT]...",
  options: OPTIONS,
  examples: [
    "micss bench --answer 0.0.0.0",
    `micss server --channel 192.0.2.10 --channel 198.51.100.10 --target ${BENCH_PORT}=127.0.0.1`,
    "micss bench --server web=192.0.2.10,198.51.100.10",
  ],
  async run(args, output) {
    const config = readConfig(spec, { subject: SUBJECT, flags: readFlags(SUBJECT, OPTIONS, args) });
    try {
      if (config.answer.length > 0) await answer(config, output);
      else await measure(config, output);
      return 0;
    } catch (error) {
      if (!(error instanceof BenchError || error instanceof StartError)) throw error;
      output.err(`${SUBJECT}: ${error.message}\n`);
      return 1;
    }
  },
};

async function measure({ servers, port, seconds, shares, json }: BenchConfig, output: Output): Promise<void> {
  const result = await benchServer({ ...servers[0]!, shares }, {
    ...realSystem,
    port,
    window: Math.round(seconds * 1000),
    progress: (text) => output.err(`measuring ${text}\n`),
  });
  output.out(json ? `${JSON.stringify(result, null, 2)}\n` : report(result));
}

/** Answers until the time is over. Signals just end the process: there is nothing to clean up. */
async function answer({ answer, answerFor }: BenchConfig, output: Output): Promise<void> {
  const answerer = new Answerer(realSystem.network, realSystem.clock, answer);
  const until = new Date(Date.now() + answerFor).toISOString().replace(/\.\d+/, "");
  output.err(`answering measurements at ${answerer.addresses.map(formatAddress).join(", ")} until ${until}\n`);
  await sleep(answerFor);
  await answerer.close();
}
