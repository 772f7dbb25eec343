import { anyone } from "../../../src/authenticate/client_directory.ts";
import { type Enrol, enrolOver } from "../../../src/client/dial/enrol.ts";
import { join } from "../../../src/client/join.ts";
import { parseConfig } from "../../../src/config/load.ts";
import { serverSpec } from "../../../src/config/server.ts";
import { parseAddress } from "../../../src/net/address.ts";
import { loadState, ServerClients } from "../../../src/run/server_clients.ts";
import { ServerHandler } from "../../../src/server/mod.ts";
import { systemPads } from "../../../src/sharing/system_pads.ts";
import { ClientState, type JoinedServer } from "../../../src/state/client_state.ts";
import type { InvitationRequest, ServerState } from "../../../src/state/server_state.ts";
import { type Invitation, parseInvitation } from "../../../src/wire/invitation.ts";
import type { World } from "./world.ts";

/** Addresses of the channels. */
export const CHANNELS: readonly string[] = ["10.0.0.1:6522", "10.0.0.2:6522"];

/** A server handler that takes its clients from a state directory, as `micss server` does. */
export interface InvitingServer extends AsyncDisposable {
  readonly handler: ServerHandler;
  readonly state: ServerState;
  /** Waits until it has seen the changes to its state directory. */
  seen(): Promise<void>;
  /** Makes an invitation that is valid for an hour, as another process. */
  invite(name: string, more?: Partial<InvitationRequest>): Promise<Invitation>;
}

/** Starts a server in a world, with the state directory `NAME` and a target for port 80. */
export async function startInviting(
  world: World,
  { name = "server", yaml = "", channels = CHANNELS }: {
    readonly name?: string;
    readonly yaml?: string;
    readonly channels?: readonly string[];
  } = {},
): Promise<InvitingServer> {
  const text = `channels: [${channels.join()}]\ntargets: {80: "10.9.9.9:80", 81: "10.9.9.9:80"}\n` +
    `state: ${world.directory}/${name}\n${yaml}`;
  const config = parseConfig("micss server", serverSpec, ["--config", "x"], () => text);
  const { network, clock, now, server: { log } } = world;
  const loaded = await loadState(config);
  const clients = new ServerClients({ config, keys: [], clients: anyone, ...loaded }, { log, clock, now });
  const handler = new ServerHandler({ ...clients.options, log, system: { network, clock } });
  const watching = clients.watch((options) => void handler.reload(options));
  return {
    handler,
    state: loaded.state,
    seen: () => clients.options.clients!.refresh!(),
    async invite(name, more = {}) {
      const addresses = channels.map((channel) => parseAddress(channel));
      const request = { name, server: "web", channels: addresses, ports: null, expires: now() + 3_600_000, ...more };
      return parseInvitation((await loaded.state.invite(request)).line);
    },
    async [Symbol.asyncDispose]() {
      watching[Symbol.dispose]();
      await handler.close();
    },
  };
}

/** Enrols over a world's network. */
export function enrolIn({ network, clock }: World): Enrol {
  return enrolOver({ network, clock, pads: systemPads, timeout: 5000 });
}

/** Joins a server as the client whose state directory has a name. */
export function joinIn(
  world: World,
  invitation: Invitation,
  name = "client",
  enrol = enrolIn(world),
): Promise<JoinedServer> {
  return join(invitation, { state: new ClientState(`${world.directory}/${name}`), enrol, now: world.now });
}
