import { nearest } from "../config/nearest.ts";
import { quote, UsageError } from "../config/problems.ts";
import type { Option } from "../config/schema.ts";
import { createKey, KeyFileError } from "../identify/key_file.ts";
import type { Command, Output } from "./command.ts";
import { readFlags } from "../config/flags.ts";
import { takePositional } from "./positional.ts";

const METHODS = ["hmac", "ed25519"] as const;
const SUBJECT = "micss keygen";

const OPTIONS: readonly Option[] = [
  { flag: "out", placeholder: "FILE", default: "micss.key", doc: "File to create; the public half goes to FILE.pub" },
  { flag: "comment", placeholder: "TEXT", doc: "Comment to store with the key" },
];

/** `micss keygen`. */
export const command: Command = {
  usage: "hmac|ed25519 [--out FILE] [--comment TEXT]",
  operands: { words: METHODS },
  options: OPTIONS,
  examples: [
    "micss keygen ed25519 --out server.key     # server.key for the server, server.key.pub for any client",
    "micss keygen hmac --out shared.key        # one file, for the server and for clients that it trusts",
  ],
  async run(args, output) {
    const { value, rest } = takePositional(SUBJECT, OPTIONS, args);
    const method = methodOf(value);
    const flags = readFlags(SUBJECT, OPTIONS, rest);
    const text = (flag: string) => flags.get(flag)?.value as string | undefined;
    const comment = text("comment") ?? "";
    if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(comment) || comment.length > 200) {
      throw new UsageError([
        `${SUBJECT}: --comment ${quote(comment)}: not a valid comment; write one line of up to 200 characters`,
      ]);
    }
    return await generate(method, text("out") ?? "micss.key", comment, output);
  },
};

function methodOf(value: string | undefined): typeof METHODS[number] {
  const method = METHODS.find((one) => one === value);
  if (method !== undefined) return method;
  const suggestion = value === undefined ? undefined : nearest(value, METHODS);
  const hint = suggestion === undefined
    ? "write micss keygen hmac or micss keygen ed25519"
    : `did you mean ${suggestion}?`;
  throw new UsageError([
    `${SUBJECT}: ${value === undefined ? "no key type given" : `${quote(value)}: unknown key type`}; ${hint}`,
  ]);
}

async function generate(
  method: typeof METHODS[number],
  path: string,
  comment: string,
  output: Output,
): Promise<number> {
  try {
    const { id, files } = await createKey(method, path, comment);
    const forClients = files.at(-1)!;
    output.out(
      `key ${id.toHex()} in ${files.join(" and ")}\n` +
        `server: micss server --key ${path}\n` +
        `client: micss client --identify ADDRESS=${forClients}` +
        (method === "hmac" ? " (secret: anyone who has it can pose as the server)\n" : " (public)\n"),
    );
    return 0;
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    output.err(`${SUBJECT}: ${error.path}: ${error.message}\n`);
    return 1;
  }
}
