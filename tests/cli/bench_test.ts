import { assertEquals, assertStringIncludes } from "@std/assert";
import { runMicss } from "../support/programs/cli.ts";

/** What is wrong with these arguments of `micss bench`. */
async function wrong(...args: string[]): Promise<string> {
  const { status, out, err } = await runMicss("bench", ...args);
  assertEquals([status, out], [2, ""]);
  return err.trimEnd();
}

Deno.test("micss bench measures one server", async () => {
  assertEquals(await wrong(), "micss bench: no server, or several; give one, --server NAME=HOST,HOST");
  assertStringIncludes(
    await wrong("--server", "a=127.0.0.1,127.0.0.2", "--server", "b=127.0.0.1,127.0.0.2"),
    "no server, or several; give one",
  );
  assertStringIncludes(await wrong("--server", "a=127.0.0.1"), "only one channel; give 2 to 16");
  assertStringIncludes(await wrong("--server", "a=127.0.0.1,127.0.0.2", "--answer", "127.0.0.1"), "not with --answer");
});

Deno.test("micss bench takes times and ports that can be", async () => {
  const server = ["--server", "a=127.0.0.1,127.0.0.2"];
  for (const seconds of ["61", "0", "1e9", "soon"]) {
    const message = `micss bench: --seconds "${seconds}": no time that can be measured; write 0.1 to 60`;
    assertEquals(await wrong(...server, "--seconds", seconds), message);
  }
  assertStringIncludes(await wrong(...server, "--port", "0"), "port 0 is not allowed; write a port from 1 to 65535");
});

Deno.test("micss bench says which channel is not there", async () => {
  const { status, err } = await runMicss("bench", "--server", "a=127.0.0.1:1,127.0.0.2:1");
  assertEquals(status, 1);
  assertStringIncludes(err, "micss bench: 127.0.0.1:1: nothing listens there\n");
});

Deno.test("micss bench --answer ends when its time is over", async () => {
  const { status, err } = await runMicss("bench", "--answer", "127.0.0.1:0", "--for", "1ms");
  assertEquals(status, 0);
  assertStringIncludes(err, "answering measurements at 127.0.0.1:");
});
