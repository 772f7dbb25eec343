import { setTimeout as sleep } from "node:timers/promises";
import { type AdminAddress, adminSyntax, DEFAULT_ADMIN } from "../config/admin.ts";
import { quote, UsageError } from "../config/problems.ts";
import type { Option } from "../config/schema.ts";
import { withoutEcho } from "../config/shape.ts";
import { ask, NoAnswer } from "../observe/admin/ask.ts";
import type { Status } from "../observe/status.ts";
import { SystemSignals } from "../run/signals.ts";
import { type Command, FLUSH_TIMEOUT, type Output } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { statusTable } from "./status_table.ts";

const SUBJECT = "micss status";

/** Refresh interval of --watch, in milliseconds. */
const INTERVAL = 1000;

/** Moves to the top of the screen and clears it. */
const CLEAR = "\x1b[H\x1b[J";

const OPTIONS: readonly Option[] = [
  {
    flag: "admin",
    placeholder: adminSyntax.placeholder,
    default: adminSyntax.format(DEFAULT_ADMIN),
    doc: "Address given to the handler's own --admin",
  },
  { flag: "watch", doc: "Refresh every second until interrupted" },
  { flag: "json", doc: "Print JSON, as /status answers; with --watch one line per refresh" },
];

/** `micss status`. */
export const command: Command = {
  usage: "[--watch] [--json] [--admin HOST:PORT|unix:PATH]",
  options: OPTIONS,
  examples: ["micss status", "micss status --watch --admin unix:/run/micss/admin.sock", "micss status --json"],
  async run(args, output) {
    const flags = readFlags(SUBJECT, OPTIONS, args);
    const address = readAddress(flags.get("admin")?.value as string | undefined);
    const [json, watch] = [flags.has("json"), flags.has("watch")];
    try {
      if (watch) return await watchStatus(address, json, output);
      const status = await fetchStatus(address);
      output.out(json ? `${JSON.stringify(status, null, 2)}\n` : statusTable(status));
      return 0;
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      output.err(`${SUBJECT}: ${adminSyntax.format(address)}: ${error.message}; start a handler with --admin\n`);
      return 1;
    }
  },
};

function readAddress(text: string | undefined): AdminAddress {
  if (text === undefined) return DEFAULT_ADMIN;
  try {
    return adminSyntax.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const place = `${SUBJECT}: --admin ${quote(text)}`;
    throw new UsageError([`${place}: ${withoutEcho(error.message, text, place)}`]);
  }
}

async function fetchStatus(address: AdminAddress): Promise<Status> {
  const answer = await ask(address, "/status");
  try {
    return JSON.parse(answer);
  } catch (cause) {
    throw new NoAnswer("the answer is not from a handler", { cause });
  }
}

async function watchStatus(address: AdminAddress, json: boolean, output: Output): Promise<number> {
  const clear = !json && Deno.stdout.isTerminal() ? CLEAR : "";
  using signals = new SystemSignals(["SIGINT"]);
  const ended = signals.next().then(() => true);
  for (let over = false; !over;) {
    const status = await fetchStatus(address);
    output.out(json ? `${JSON.stringify(status)}\n` : `${clear}${statusTable(status)}`);
    // A stalled reader misses the refreshes of that time.
    await Promise.race([ended, output.flush?.()]);
    over = output.abandoned || await Promise.race([ended, sleep(INTERVAL, false)]);
  }
  await output.flush?.(FLUSH_TIMEOUT);
  return 0;
}
