import { MicssError } from "../errors/errors.ts";
import { DemoError, PLAIN, runDemo, Screen, standardTerminal } from "../demo/mod.ts";
import { systemClock } from "../time/clock.ts";
import { StartError } from "../net/listen/listen.ts";
import { systemNetwork } from "../net/system/tcp.ts";
import { type Command, type Output, standardOutput } from "./command.ts";
import { readFlags } from "../config/flags.ts";

/** `micss demo`. */
export const command: Command = {
  usage: "",
  options: [],
  examples: ["micss demo"],
  async run(args, output) {
    readFlags("micss demo", command.options, args);
    const terminal = output === standardOutput ? standardTerminal() : PLAIN;
    using interruption = new Interruption();
    try {
      await runDemo(new Screen((text) => output.out(text), terminal), {
        network: systemNetwork,
        clock: systemClock,
        micss: Deno.build.standalone ? "micss" : "deno task micss",
        signal: interruption.signal,
      });
      return 0;
    } catch (error) {
      return await reportFailure(error, output);
    }
  },
};

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

/** An AbortSignal that the first of the process's signals aborts. Ignores signals once disposed of. */
class Interruption implements Disposable {
  readonly #controller = new AbortController();
  readonly #listeners = [...SIGNALS.keys()]
    .filter((signal) => Deno.build.os !== "windows" || signal === "SIGINT")
    .map((signal) => ({ signal, listener: () => this.#controller.abort(new Interrupted(signal)) }));

  constructor() {
    for (const { signal, listener } of this.#listeners) Deno.addSignalListener(signal, listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    for (const { signal, listener } of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}

/** Maximum wait for a stalled reader after a signal, in milliseconds. */
const FLUSH_TIMEOUT = 1000;

/** Reports an expected failure in one line. @returns The exit status. */
async function reportFailure(error: unknown, output: Output): Promise<number> {
  if (!(error instanceof Interrupted || error instanceof DemoError || error instanceof StartError)) throw error;
  output.err(`micss demo: ${error.message}\n`);
  if (!(error instanceof Interrupted)) return 1;
  await output.flush?.(FLUSH_TIMEOUT);
  return error.status;
}
