/** The messages about mistakes in a handler's flags and file. */
import { assertInstanceOf } from "@std/assert";
import { clientSpec } from "../../src/config/client.ts";
import { FileError } from "../../src/config/file.ts";
import { parseConfig } from "../../src/config/load.ts";
import { UsageError } from "../../src/config/problems.ts";
import { serverSpec } from "../../src/config/server.ts";

/** Returns a command's messages, given its arguments as a line, and the content of `f.yaml`. */
export function linesOf(command: "server" | "client", line: string | string[], yaml?: string): readonly string[] {
  const args = typeof line === "string" ? line.split(" ").filter((word) => word !== "") : line;
  const readFile = (): string => {
    if (yaml === undefined) throw new FileError("no such file; give the path of a YAML file");
    return yaml;
  };
  try {
    if (command === "server") parseConfig("micss server", serverSpec, args, readFile);
    else parseConfig("micss client", clientSpec, args, readFile);
  } catch (error) {
    assertInstanceOf(error, UsageError);
    return error.lines;
  }
  return [];
}
