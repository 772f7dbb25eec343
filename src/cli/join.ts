import { enrolOver } from "../client/dial/enrol.ts";
import { hintOf } from "../client/dial/hint.ts";
import { clientSpec } from "../config/client.ts";
import { DEFAULT_TIMEOUTS } from "../config/common.ts";
import { readFlags } from "../config/flags.ts";
import { UsageError } from "../config/problems.ts";
import { readConfig } from "../config/read.ts";
import { type Option, optionsOf, type Schema } from "../config/schema.ts";
import { scalar } from "../config/shape.ts";
import { join, type JoinOptions } from "../client/join.ts";
import { MicssError, reasonOf } from "../errors/errors.ts";
import { realSystem } from "../net/system/system.ts";
import { padSource } from "../sharing/pads.ts";
import { ClientState, type JoinedServer } from "../state/client_state.ts";
import { systemStateDirectory } from "../state/place.ts";
import { StateError } from "../state/state_error.ts";
import { type Invitation, parseInvitation } from "../wire/invitation.ts";
import type { Command, Output } from "./command.ts";
import { InputCancelled, readInvitationText } from "./invitation_input.ts";
import { nameSyntax } from "./name.ts";
import { reportStateError, withDefaultState } from "./state.ts";

const SUBJECT = "micss join";

/** Settings of `micss join`. */
interface JoinConfig {
  readonly as?: string;
  readonly state?: string;
}

const schema: Schema<JoinConfig> = {
  as: {
    key: "as",
    flag: "as",
    shape: scalar(nameSyntax),
    doc: "Name of the server on this client; default: the one in the invitation",
  },
  state: clientSpec.schema.state,
};

const OPTIONS: readonly Option[] = optionsOf(schema).map((option) =>
  option.flag === "state" ? withDefaultState(option) : option
);

/** `micss join`. */
export const command: Command = {
  usage: "[--as NAME] [--state DIR] < INVITATION",
  options: OPTIONS,
  examples: [
    "micss join                       # asks for the invitation, which is not shown",
    "micss join --as web < invitation",
  ],
  async run(args, output) {
    const config = readConfig({ schema, check() {} }, { subject: SUBJECT, flags: flagsOf(args) });
    const invitation = await readInvitation(output);
    if (typeof invitation === "number") return invitation;
    const state = new ClientState(config.state ?? systemStateDirectory());
    return await joinAndReport(invitation, { state, ...config.as !== undefined && { name: config.as } }, output);
  },
};

/** Reads the flags. An invitation among them is refused without a word of it: other users can read arguments. */
function flagsOf(args: string[]): ReturnType<typeof readFlags> {
  if (args.some((arg) => /micss-invite-v\d/.test(arg))) {
    throw new UsageError([
      `${SUBJECT}: other users of this machine can read arguments; give the invitation on standard input, and ask for a ` +
      "new one if others may have read this one",
    ]);
  }
  return readFlags(SUBJECT, OPTIONS, args);
}

/** @returns The exit status if the user gives up. @throws {UsageError} If it is not an invitation. */
async function readInvitation(output: Output): Promise<Invitation | number> {
  try {
    return parseInvitation(await readInvitationText(Deno.stdin, (text) => output.err(text)));
  } catch (error) {
    if (error instanceof InputCancelled) return 130;
    if (error instanceof SyntaxError) throw new UsageError([`${SUBJECT}: ${error.message}`]);
    throw error;
  }
}

/** Joins a server, and prints the outcome. @returns The exit status. */
async function joinAndReport(
  invitation: Invitation,
  options: Pick<JoinOptions, "state" | "name">,
  output: Output,
): Promise<number> {
  try {
    const enrol = enrolOver({ ...realSystem, pads: padSource("auto"), timeout: DEFAULT_TIMEOUTS.handshake });
    const server = await join(invitation, { ...options, enrol, now: Date.now });
    output.out(report(server, options.state.path));
    return 0;
  } catch (error) {
    if (error instanceof StateError) return reportStateError(SUBJECT, error, output);
    if (!(error instanceof MicssError)) throw error;
    const hint = hintOf(error);
    output.err(`${SUBJECT}: ${reasonOf(error)}${hint === undefined ? "" : `; ${hint}`}\n`);
    return 1;
  }
}

function report({ name, client, channels }: JoinedServer, directory: string): string {
  return `Joined ${name} as ${client}, over ${channels.length} channels; kept in ${directory}.\n` +
    `Run micss client, and reach it through SOCKS5: curl --proxy socks5h://127.0.0.1:1080 http://${name}/\n`;
}
