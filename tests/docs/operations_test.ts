/** The command lines that docs/OPERATIONS.md shows are ones that the program takes. */
import { assert } from "@std/assert";
import { parseClientCommand } from "../../src/cli/client.ts";
import { parseServerCommand } from "../../src/cli/server.ts";
import { fenced, read } from "./markdown.ts";

const lines = fenced(read("docs/OPERATIONS.md")).flatMap(({ content }) =>
  content.replaceAll(/\\\n\s*/g, "").split("\n")
);

/** Those that start a handler from flags alone. */
const commands = lines.filter((line) => /^micss (server|client) /.test(line) && !line.includes("--config"));

for (const line of commands) {
  Deno.test(`the operations' "${line}" is right`, () => {
    const [, command, ...args] = line.replaceAll(/['"]/g, "").split(" ");
    if (command === "server") parseServerCommand(args, () => "");
    else parseClientCommand(args, () => "");
  });
}

Deno.test("the operations show each way in", () => {
  for (const way of ["--redirect", "--tproxy", "--socks5", "--http-connect"]) {
    assert(commands.some((line) => line.includes(` ${way} `)), way);
  }
});
