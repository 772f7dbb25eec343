import { readFile } from "../config/file.ts";
import { loadFileOf } from "../config/side.ts";
import { readFlags } from "../config/flags.ts";
import { quote, UsageError } from "../config/problems.ts";
import { readConfig } from "../config/read.ts";
import { type Option, optionsOf, type Schema } from "../config/schema.ts";
import { serverSpec } from "../config/server.ts";
import { list, scalar } from "../config/shape.ts";
import { durationSyntax, portSyntax } from "../config/syntax.ts";
import type { ServerConfig } from "../config/types.ts";
import type { Address } from "../net/address.ts";
import { listenAddresses } from "../net/listen/listen_addresses.ts";
import { systemStateDirectory } from "../state/place.ts";
import { publicAddresses } from "../state/public_addresses.ts";
import { ServerState } from "../state/server_state.ts";
import { MAX_CHANNELS, MIN_CHANNELS } from "../wire/associate.ts";
import { isName } from "../wire/invitation.ts";
import type { Command } from "./command.ts";
import { nameSyntax } from "./name.ts";
import { takePositional } from "./positional.ts";
import { reportStateError, withDefaultState } from "./state.ts";

const SUBJECT = "micss invite";

/** Settings of an invitation. */
interface InviteConfig {
  readonly expires: number;
  readonly ports: readonly number[];
  readonly as?: string;
}

const schema: Schema<InviteConfig> = {
  expires: {
    key: "expires",
    flag: "expires",
    shape: scalar(durationSyntax),
    default: 86_400_000,
    doc: "Time after which the invitation no longer works; at most 24h",
  },
  ports: {
    key: "port",
    flag: "port",
    shape: list(portSyntax),
    default: [],
    doc: "Port that the client may request; default: all that have a target",
  },
  as: {
    key: "as",
    flag: "as",
    shape: scalar(nameSyntax),
    doc: "Name of this server on the client; default: the name of this machine",
  },
};

const { channels, announce, state } = serverSpec.schema;

const OPTIONS: readonly Option[] = [
  { flag: "config", placeholder: "FILE", doc: "The server's configuration, for its channels and state directory" },
  ...optionsOf(schema),
  ...optionsOf({ channels, announce }),
  withDefaultState(optionsOf({ state })[0]!),
];

/** `micss invite`. */
export const command: Command = {
  usage:
    "NAME [--as NAME] [--port PORT]... [--expires DURATION] [--config FILE | --channel HOST[:PORT]...] [--state DIR]",
  options: OPTIONS,
  examples: [
    "micss invite alice --channel 192.0.2.10 --channel 198.51.100.10",
    "micss invite alice --config server.yaml --port 80 --expires 1h",
    "micss invite alice | ssh alice@client.example micss join",
  ],
  async run(args, output) {
    const { name, invite, server } = readArguments(args);
    const directory = new ServerState(server.state ?? systemStateDirectory());
    try {
      const addresses = await findAddresses(server, directory);
      const first = !directory.required;
      const expires = Math.floor((Date.now() + invite.expires) / 1000) * 1000;
      const { line, replaced } = await directory.invite({
        name,
        server: invite.as ?? machineName(),
        channels: addresses,
        ports: invite.ports.length > 0 ? invite.ports : null,
        expires,
      });
      const until = new Date(expires).toISOString().replace(".000", "");
      output.err(
        `Invitation for ${name}, kept in ${directory.path}; it works once, until ${until}.\n` +
          (replaced ? `The earlier invitation for ${name} no longer works.\n` : "") +
          (first ? "From now on the server admits only clients that joined, and ends the sessions of others.\n" : "") +
          "Anyone who reads this line can join first, and anyone who changes it can pose as the server: give it to\n" +
          `${name} over a private channel. On the client, run micss join and paste it:\n`,
      );
      output.out(`${line}\n`);
      return 0;
    } catch (error) {
      return reportStateError(SUBJECT, error, output);
    }
  },
};

interface Arguments {
  readonly name: string;
  readonly invite: InviteConfig;
  readonly server: ServerConfig;
}

function readArguments(args: string[]): Arguments {
  const { value, rest } = takePositional(SUBJECT, OPTIONS, args);
  if (value === undefined) throw new UsageError([`${SUBJECT}: no name given; write ${SUBJECT} NAME, such as alice`]);
  if (!isName(value)) {
    throw new UsageError([`${SUBJECT}: ${quote(value)}: not a client's name; use letters, digits, dots and dashes`]);
  }
  const flags = readFlags(SUBJECT, OPTIONS, rest);
  const path = flags.get("config")?.value as string | undefined;
  const file = path === undefined ? undefined : loadFileOf("server", path, `${SUBJECT}: --config`, readFile);
  const invite = readConfig({ schema, check() {} }, { subject: SUBJECT, flags });
  const serverFlags = new Map([...flags].filter(([flag]) => ["channel", "announce", "state"].includes(flag)));
  const source = { subject: SUBJECT, flags: serverFlags, ...file !== undefined && { file } };
  const server = readConfig({ schema: serverSpec.schema, check() {} }, source);
  const { targets } = server;
  const stray = invite.ports.find((port) => !targets.some((target) => target.port === port || target.port === "*"));
  if (stray !== undefined && targets.length > 0) {
    throw new UsageError([`${SUBJECT}: --port: ${path} has no target for port ${stray}; give one that has a target`]);
  }
  return { name: value, invite, server };
}

/** @throws {UsageError} If they are unknown. */
async function findAddresses(server: ServerConfig, directory: ServerState): Promise<readonly Address[]> {
  const { announce, channels } = server;
  if (announce.length + channels.length === 0) {
    const known = directory.addresses();
    if (known !== null) return known;
    throw new UsageError([
      `${SUBJECT}: the addresses of the server's channels are not known in ${directory.path} yet; ` +
      "give them as --channel HOST --channel HOST, or --config FILE",
    ]);
  }
  const listening = await Promise.all(channels.map(async (channel) => (await listenAddresses(channel))[0]!));
  const addresses = publicAddresses({ channels: listening, announce });
  if (addresses === null) {
    throw new UsageError([
      `${SUBJECT}: the channels' addresses are not ones that a client can connect to; give the public addresses with ` +
      "--announce HOST --announce HOST",
    ]);
  }
  if (addresses.length < MIN_CHANNELS || addresses.length > MAX_CHANNELS) {
    throw new UsageError([`${SUBJECT}: ${addresses.length} channels; give ${MIN_CHANNELS} to ${MAX_CHANNELS}`]);
  }
  return addresses;
}

/** The first part of this machine's name, or `server` if that can't be a name. */
function machineName(): string {
  const [name = ""] = Deno.hostname().toLowerCase().split(".");
  return isName(name) ? name : "server";
}
