import { xor } from "../sharing/xor.ts";
import { PROTOCOL_VERSION } from "../wire/greeting.ts";
import { Method } from "../wire/identify.ts";
import { VERSION } from "../run/version.ts";
import type { Command } from "./command.ts";
import { environment } from "../config/environment.ts";
import { readFlags } from "../config/flags.ts";

/**
 * Commit and date of the build, such as "6c5f824 of 2026-11-22". scripts/compile.ts embeds it as an environment variable;
 * anything else would need a generated file in the source tree.
 */
function build(): string {
  if (!Deno.build.standalone) return "from source";
  return environment("MICSS_BUILD") || "unknown build";
}

/** Versions that a peer must share, with the numbers of docs/PROTOCOL.md. */
const PROTOCOL = `protocol ${PROTOCOL_VERSION}, sharing ${xor.name} (${xor.id}), ` +
  `identification hmac-sha256 (${Method.HmacSha256}) and ed25519 (${Method.Ed25519})`;

/** The object of `--json`. */
function toJson(): unknown {
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
  usage: "[--json]",
  options: [{ flag: "json", doc: "Print JSON: one object" }],
  examples: ["micss version", "micss version --json"],
  run(args, output) {
    const json = readFlags("micss version", command.options, args).has("json");
    if (json) output.out(`${JSON.stringify(toJson(), null, 2)}\n`);
    else output.out(`micss ${VERSION} (${build()})\n${PROTOCOL}\ndeno ${Deno.version.deno}, ${Deno.build.target}\n`);
    return Promise.resolve(0);
  },
};
