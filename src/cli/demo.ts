import { MicssError } from "../errors/errors.ts";
import { DemoError, type DemoOptions, PLAIN, runDemo, Screen, standardTerminal } from "../demo/mod.ts";
import { systemClock } from "../time/clock.ts";
import { StartError } from "../net/listen/listen.ts";
import { systemNetwork } from "../net/system/tcp.ts";
import { SystemSignals } from "../run/signals.ts";
import { type Command, FLUSH_TIMEOUT, type Output, standardOutput } from "./command.ts";
import { readFlags } from "../config/flags.ts";

/** Makes `micss demo`. @param options Options of its demo that differ. */
export function demoCommand(options: Pick<DemoOptions, "limits"> = {}): Command {
  const command: Command = {
    usage: "",
    options: [],
    examples: ["micss demo"],
    async run(args, output) {
      readFlags("micss demo", command.options, args);
      const terminal = output === standardOutput ? standardTerminal() : PLAIN;
      using signals = new SystemSignals([...SIGNALS.keys()]);
      const interruption = new AbortController();
      signals.next().then((signal) => interruption.abort(new Interrupted(signal)));
      try {
        await runDemo(new Screen((text) => output.out(text), terminal), {
          network: systemNetwork,
          clock: systemClock,
          micss: Deno.build.standalone ? "micss" : "deno task micss",
          signal: interruption.signal,
          ...options,
        });
        return 0;
      } catch (error) {
        return await reportFailure(error, output);
      }
    },
  };
  return command;
}

/** `micss demo`. */
export const command: Command = demoCommand();

/** Signals that end the demo, and their numbers, for the exit status. */
const SIGNALS = new Map<Deno.Signal, number>([["SIGINT", 2], ["SIGTERM", 15]]);

/** The user ended the demo. */
class Interrupted extends MicssError {
  constructor(readonly by: Deno.Signal) {
    super(`ended by ${by}; nothing is left running`);
  }

  /** The exit status that shells report for a program ended by a signal. */
  get status(): number {
    return 128 + SIGNALS.get(this.by)!;
  }
}

/** Reports an expected failure in one line. @returns The exit status. */
async function reportFailure(error: unknown, output: Output): Promise<number> {
  if (!(error instanceof Interrupted || error instanceof DemoError || error instanceof StartError)) throw error;
  output.err(`micss demo: ${error.message}\n`);
  if (!(error instanceof Interrupted)) return 1;
  await output.flush?.(FLUSH_TIMEOUT);
  return error.status;
}
