import { xor } from "../sharing/xor.ts";
import { PROTOCOL_VERSION } from "../wire/greeting.ts";
import { Method } from "../wire/identify.ts";
import { VERSION } from "../run/version.ts";
import type { Command } from "./command.ts";
import { environment } from "../config/environment.ts";
import { readFlags } from "../config/flags.ts";

/**
 * What the program was built from, "6c5f824 of 2026-11-22". scripts/compile.ts puts it into the executable, as a variable
 * of the environment: nothing else gets into one without a file in the tree that is not in git.
 */
function build(): string {
  if (!Deno.build.standalone) return "from source";
  return environment("MICSS_BUILD") || "unknown build";
}

/** What a peer has to have in common with this program, with the numbers of docs/PROTOCOL.md. */
const PROTOCOL = `protocol ${PROTOCOL_VERSION}, sharing ${xor.name} (${xor.id}), ` +
  `identification hmac-sha256 (${Method.HmacSha256}) and ed25519 (${Method.Ed25519})`;

/** What `--json` says. */
function forPrograms(): unknown {
  return {
    version: VERSION,
    build: build(),
    protocol: PROTOCOL_VERSION,
    sharing: { [xor.name]: xor.id },
    identification: { "hmac-sha256": Method.HmacSha256, ed25519: Method.Ed25519 },
    deno: Deno.version.deno,
    target: Deno.build.target,
  };
}

/** `micss version`. */
export const command: Command = {
  name: "version",
  summary: "Prints the versions of the program, of the protocol and of Deno",
  usage: "[--json]",
  options: [{ flag: "json", doc: "For programs: one object" }],
  examples: ["micss version", "micss version --json"],
  run(args, output) {
    const json = readFlags("micss version", command.options, args).has("json");
    if (json) output.out(`${JSON.stringify(forPrograms(), null, 2)}\n`);
    else output.out(`micss ${VERSION} (${build()})\n${PROTOCOL}\ndeno ${Deno.version.deno}, ${Deno.build.target}\n`);
    return Promise.resolve(0);
  },
};
