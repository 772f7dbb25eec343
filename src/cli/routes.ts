import { nearest } from "../config/nearest.ts";
import { quote, UsageError } from "../config/problems.ts";
import {
  changesTo,
  describeWay,
  planAll,
  putRoutes,
  removeRoutes,
  RoutesError,
  sharedDevices,
  shellLines,
  systemIp,
  verifyRoutes,
} from "../routes/mod.ts";
import { type Side, SIDES } from "../rules/mod.ts";
import type { Command, Output } from "./command.ts";
import { readRoutes, refuseArguments, type RoutesSettings } from "./routes_args.ts";
import { watchRoutes } from "./routes_watch.ts";
import { type Action, ACTIONS } from "./rules_args.ts";

/** `micss routes`. */
export const command: Command = {
  usage: "print|apply|watch|remove [client|server] [--config FILE] [FLAG of micss client or micss server]...",
  operands: { words: ACTIONS, settingsOf: ["client", "server"] },
  options: [{ flag: "config", placeholder: "FILE", doc: "Configuration of the handler; flags override it" }],
  examples: [
    "micss routes print --config client.yaml",
    "micss routes apply --config client.yaml",
    "micss routes apply --server 'web=192.0.2.10 via wlan0,198.51.100.10 via lte0'",
    "micss routes apply server --config server.yaml",
    "micss routes watch --config client.yaml",
    "micss routes remove",
  ],
  async run(args, output) {
    const { action, side, rest } = splitRoutes(args);
    const subject = `micss routes ${action}`;
    try {
      if (action === "watch") return await watchRoutes(() => readRoutes(subject, side ?? "client", rest));
      if (action === "remove") {
        refuseArguments(subject, rest);
        return await remove(side === undefined ? SIDES : [side], output);
      }
      const settings = readRoutes(subject, side ?? "client", rest);
      return await (action === "print" ? print : apply)(settings, output);
    } catch (error) {
      if (!(error instanceof RoutesError)) throw error;
      output.err(`${subject}: ${error.message}\n`);
      return 1;
    }
  },
};

/** Splits arguments into action, side and flags. @throws {UsageError} On an unknown or missing action. */
export function splitRoutes([action, ...rest]: string[]): { action: Action; side: Side | undefined; rest: string[] } {
  const known = ACTIONS.find((one) => one === action);
  if (known === undefined) {
    const suggestion = action === undefined ? undefined : nearest(action, ACTIONS);
    const hint = suggestion === undefined ? `write micss routes ${ACTIONS.join("|")}` : `did you mean ${suggestion}?`;
    const problem = action === undefined ? "no action given" : `${quote(action)}: unknown action`;
    throw new UsageError([`micss routes: ${problem}; ${hint}`]);
  }
  const side = SIDES.find((side) => side === rest[0]);
  return { action: known, side, rest: side === undefined ? rest : rest.slice(1) };
}

/** Prints all commands for a machine without routes of ours. */
async function print({ side, channels }: RoutesSettings, output: Output): Promise<number> {
  const plans = await planAll(await channels(), { ip: systemIp, side });
  output.out(`# Rules and routes that micss routes apply ${side} puts in place on this machine.\n`);
  for (const line of describe(plans.flatMap(({ plan }) => plan.ways))) output.out(`# ${line}\n`);
  for (const { family, plan } of plans) {
    for (const line of shellLines(family, changesTo(plan, { rules: [], routes: [] }))) output.out(`${line}\n`);
  }
  return 0;
}

async function apply({ side, channels }: RoutesSettings, output: Output): Promise<number> {
  const { ways, changes } = await putRoutes(await channels(), { ip: systemIp, side });
  output.out(`Routes of the ${side} are in place${changes === 0 ? " already" : ""}.\n`);
  for (const line of describe(ways)) output.out(`${line}\n`);
  const complaints = await verifyRoutes(systemIp, ways);
  for (const line of complaints) output.err(`micss routes apply: ${line}\n`);
  for (const line of sharedDevices(ways)) output.err(`micss routes apply: note: ${line}\n`);
  return complaints.length === 0 ? 0 : 1;
}

async function remove(sides: readonly Side[], output: Output): Promise<number> {
  for (const side of sides) {
    if (await removeRoutes({ ip: systemIp, side }) > 0) output.out(`Routes of the ${side} are removed.\n`);
  }
  return 0;
}

function describe(ways: Parameters<typeof sharedDevices>[0]): string[] {
  return ways.map((way) => `${way.channel.name}: ${describeWay(way)}`);
}
