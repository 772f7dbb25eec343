import { assertEquals, assertStringIncludes } from "@std/assert";
import { runMicss } from "../support/programs/cli.ts";

/** Runs `micss bench` with wrong arguments and returns its message. */
async function wrong(...args: string[]): Promise<string> {
  const { status, out, err } = await runMicss("bench", ...args);
  assertEquals([status, out], [2, ""]);
  return err.trimEnd();
}

Deno.test("micss bench needs exactly one server, or --answer", async () => {
  assertEquals(await wrong(), "micss bench: needs exactly one server; give --server NAME=HOST,HOST");
  assertStringIncludes(
    await wrong("--server", "a=127.0.0.1,127.0.0.2", "--server", "b=127.0.0.1,127.0.0.2"),
    "needs exactly one server",
  );
  assertStringIncludes(await wrong("--server", "a=127.0.0.1"), "only one channel; give 2 to 16");
  assertStringIncludes(
    await wrong("--server", "a=127.0.0.1,127.0.0.2", "--answer", "127.0.0.1"),
    "can't be combined with --answer",
  );
});

Deno.test("micss bench rejects durations and ports out of range, and unknown shares", async () => {
  const server = ["--server", "a=127.0.0.1,127.0.0.2"];
  for (const seconds of ["61", "0", "1e9", "soon"]) {
    const message = `micss bench: --seconds "${seconds}": must be 0.1 to 60 seconds`;
    assertEquals(await wrong(...server, "--seconds", seconds), message);
  }
  assertStringIncludes(await wrong(...server, "--shares", "shrot"), "unknown shares; did you mean short?");
  assertStringIncludes(await wrong(...server, "--port", "0"), "port 0 is not allowed; write a port from 1 to 65535");
});

Deno.test("micss bench reports the channel that it can't connect", async () => {
  const { status, err } = await runMicss("bench", "--server", "a=127.0.0.1:1,127.0.0.2:1");
  assertEquals(status, 1);
  assertStringIncludes(err, "micss bench: 127.0.0.1:1: nothing listens there\n");
});

Deno.test("micss bench --answer exits when its time is over", async () => {
  const { status, err } = await runMicss("bench", "--answer", "127.0.0.1:0", "--for", "1ms");
  assertEquals(status, 0);
  assertStringIncludes(err, "answering measurements at 127.0.0.1:");
});
