import type { Flavour } from "../config/rules.ts";
import { formatAddress } from "../net/address.ts";
import {
  availableBackends,
  checkTools,
  chooseBackend,
  describeProbe,
  Installed,
  NoPermission,
  probesOf,
  putRules,
  readRoute,
  removeRoute,
  RulesError,
  shellScript,
  type Side,
  SIDES,
  systemTools,
  tryRules,
} from "../rules/mod.ts";
import type { Command, Output } from "./command.ts";
import { ACTIONS, parseRemoval, type Plan, readPlan, rulesOptions, splitRules } from "./rules_args.ts";
import { watchRules } from "./rules_watch.ts";

/** `micss rules`. */
export const command: Command = {
  usage: "print|apply|watch|remove [client|server] [--config FILE] [FLAG of micss client or micss server]...",
  operands: { words: ACTIONS, settingsOf: ["client", "server"] },
  options: rulesOptions(),
  examples: [
    "micss rules print --config client.yaml",
    "micss rules apply --config client.yaml --exempt-uid micss",
    "micss rules apply --config client.yaml --take '*:80' --take-user bob",
    "micss rules apply --config client.yaml --take-udp '*:53'",
    "micss rules apply server --config server.yaml",
    "micss rules watch --config client.yaml",
    "micss rules remove",
  ],
  async run(args, output) {
    const { action, side, rest } = splitRules(args);
    try {
      if (action === "watch") return await watchRules(() => readPlan(action, side ?? "client", rest));
      if (action === "remove") await remove(side === undefined ? SIDES : [side], parseRemoval(rest), output);
      else await (action === "print" ? print : apply)(await readPlan(action, side ?? "client", rest), output);
      return 0;
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      output.err(`micss rules ${action}: ${error.message}\n`);
      return 1;
    }
  },
};

async function print({ ruleset, flavour, notes }: Plan, output: Output): Promise<void> {
  const backend = await chooseBackend(availableBackends(systemTools), flavour, ruleset).catch((error) => {
    // Without the right to ask the kernel, print the rules as for a machine without any.
    const [first] = availableBackends(systemTools).filter((one) => flavour === "auto" || one.flavour === flavour);
    if (first === undefined) throw error;
    return first;
  });
  checkTools(ruleset, systemTools);
  const rules = await backend.read(ruleset.side).catch(() => backend.empty);
  const present = new Installed(rules, await readRoute(ruleset.side, systemTools));
  const comments = [
    `Rules that micss rules apply ${ruleset.side} puts in place on this machine.`,
    ...notes.map((note) => `Note: ${note}`),
    ...rules === backend.empty
      ? ["Note: this assumes a machine without such rules; run as root to take existing ones into account"]
      : [],
  ];
  output.out(comments.map((line) => `# ${line}\n`).join(""));
  output.out(shellScript(present.applyCommands(ruleset)));
}

async function apply({ ruleset, flavour, notes, hosts }: Plan, output: Output): Promise<void> {
  const backend = await chooseBackend(availableBackends(systemTools), flavour, ruleset);
  await putRules(ruleset, backend, systemTools);
  output.out(`Rules of the ${ruleset.side} are in place (${backend.flavour}).\n`);
  for (const note of notes) output.err(`micss rules apply: note: ${note}\n`);
  const { verified, untested } = await tryRules(ruleset, backend, systemTools, probesOf(ruleset, hosts));
  for (const { protocol, family, to } of untested) {
    const name = `${protocol === "udp" ? "UDP over " : ""}${family === "ipv4" ? "IPv4" : "IPv6"}`;
    output.err(`micss rules apply: note: no route to ${formatAddress(to)}; the rules for ${name} were not tested\n`);
  }
  for (const probe of verified) {
    output.out(`Tested: ${describeProbe(probe)} arrives here with its original destination.\n`);
  }
}

async function remove(sides: readonly Side[], flavour: Flavour | "auto", output: Output): Promise<void> {
  const all = availableBackends(systemTools);
  const backends = all.filter((one) => flavour === "auto" || one.flavour === flavour);
  if (backends.length === 0) {
    throw new RulesError(
      flavour === "auto" ? "neither nft nor iptables found; install one" : `${flavour} not found; install it`,
    );
  }
  const failures: unknown[] = [];
  for (const backend of backends) {
    for (const side of sides) {
      try {
        if (!(await backend.read(side)).present) continue;
      } catch (error) {
        failures.push(error);
        continue;
      }
      await backend.remove(side);
      output.out(`Rules of the ${side} are removed (${backend.flavour}).\n`);
    }
  }
  for (const side of sides) {
    // Rules of another flavour, if any, still need their route.
    const left = await Promise.all(
      all.map((backend) => backend.read(side).then(({ present }) => present, () => false)),
    );
    if (!left.includes(true)) await removeRoute(side, systemTools);
  }
  // A tool that this kernel does not support holds no rules of ours; one that denies access may.
  const denied = failures.find((error) => error instanceof NoPermission);
  if (denied !== undefined || failures.length === backends.length * sides.length) throw denied ?? failures[0];
}
