import { Program, type RunOptions } from "./process.ts";

/** Starts a DNS server at port 53 of 127.0.0.1, in a network namespace. @param texts TXT records by their names. */
export async function startDns(texts: ReadonlyMap<string, string>, options: RunOptions): Promise<Program> {
  await using making = new AsyncDisposableStack();
  const records = [...texts].map(([name, text]) => `--txt-record=${name},${text}`);
  const flags = ["--no-resolv", "--no-hosts", "--no-poll", "--bind-interfaces", "--listen-address=127.0.0.1"];
  const program = making.use(Program.start(["dnsmasq", "-d", "-C", "/dev/null", ...flags, ...records], options));
  await program.waitForLine(/started/);
  making.move();
  return program;
}
