import { formatAddress } from "../net/address.ts";
import {
  availableBackends,
  checkTools,
  chooseBackend,
  describeProbe,
  Installed,
  probesOf,
  putRules,
  readRoute,
  removeRules,
  RulesError,
  shellScript,
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
      if (action === "remove") {
        await removeRules(side === undefined ? SIDES : [side], parseRemoval(rest), systemTools, (side, flavour) => {
          output.out(`Rules of the ${side} are removed (${flavour}).\n`);
        });
      } else await (action === "print" ? print : apply)(await readPlan(action, side ?? "client", rest), output);
      return 0;
    } catch (error) {
      if (!(error instanceof RulesError)) throw error;
      output.err(`micss rules ${action}: ${error.message}\n`);
      return 1;
    }
  },
};

async function print({ ruleset, flavour, notes }: Plan, output: Output): Promise<void> {
  const choice = await chooseBackend(availableBackends(systemTools), flavour, ruleset).catch((error) => {
    // Without the right to ask the kernel, print the rules as for a machine without any.
    const [first] = availableBackends(systemTools).filter((one) => flavour === "auto" || one.flavour === flavour);
    if (first === undefined) throw error;
    return { backend: first, rules: undefined };
  });
  checkTools(ruleset, systemTools);
  const { backend } = choice, rules = choice.rules ?? await backend.read(ruleset.side).catch(() => backend.empty);
  const present = new Installed(rules, await readRoute(ruleset.side, systemTools));
  const comments = [
    `Rules that micss rules apply ${ruleset.side} puts in place on this machine.`,
    ...notes.map((note) => `Note: ${note}`),
    ...rules === backend.empty
      ? ["Note: this assumes a machine without such rules; run as root to take existing ones into account"]
      : [],
  ];
  output.out(comments.map((line) => `# ${line}\n`).join(""));
  output.out(shellScript(await present.applyCommands(ruleset)));
}

async function apply({ ruleset, flavour, notes, hosts }: Plan, output: Output): Promise<void> {
  const { backend, rules } = await chooseBackend(availableBackends(systemTools), flavour, ruleset);
  await putRules(ruleset, backend, systemTools, rules);
  output.out(`Rules of the ${ruleset.side} are in place (${backend.flavour}).\n`);
  for (const note of notes) output.err(`micss rules apply: note: ${note}\n`);
  const { verified, untested } = await tryRules(ruleset, backend, probesOf(ruleset, hosts));
  for (const { protocol, family, to } of untested) {
    const name = `${protocol === "udp" ? "UDP over " : ""}${family === "ipv4" ? "IPv4" : "IPv6"}`;
    output.err(`micss rules apply: note: no route to ${formatAddress(to)}; the rules for ${name} were not tested\n`);
  }
  for (const probe of verified) {
    output.out(`Tested: ${describeProbe(probe)} arrives here with its original destination.\n`);
  }
}
