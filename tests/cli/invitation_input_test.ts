import { assertEquals, assertRejects } from "@std/assert";
import { InputCancelled, type LineInput, readInvitationText } from "../../src/cli/invitation_input.ts";
import { MAX_LINE_LENGTH } from "../../src/wire/invitation.ts";
import vectors from "../../docs/vectors.json" with { type: "json" };

const { line } = vectors.invitation[0]!;

/** An input that gives these pieces and then ends, or fails where it must not be read any more. */
function inputOf(pieces: readonly string[], { terminal = false, open = false } = {}) {
  const left = pieces.map((piece) => new TextEncoder().encode(piece));
  const state = { raw: false, switched: 0, prompts: "" };
  const input: LineInput = {
    isTerminal: () => terminal,
    setRaw(raw) {
      state.raw = raw;
      state.switched++;
    },
    read(into) {
      const piece = left.shift();
      if (piece === undefined) return open ? Promise.reject(new Error("read too far")) : Promise.resolve(null);
      into.set(piece.subarray(0, into.length));
      if (piece.length > into.length) left.unshift(piece.subarray(into.length));
      return Promise.resolve(Math.min(piece.length, into.length));
    },
  };
  return { state, read: () => readInvitationText(input, (text) => void (state.prompts += text)) };
}

Deno.test("a pipe is read to its end, or to the line that completes an invitation", async () => {
  assertEquals(await inputOf([line]).read(), line);
  assertEquals(await inputOf([line.slice(0, 50), line.slice(50), "\n"], { open: true }).read(), `${line}\n`);
  const wrapped = `${line.slice(0, 60)}\n${line.slice(60)}\n`;
  assertEquals(await inputOf([wrapped.slice(0, 61), wrapped.slice(61)], { open: true }).read(), wrapped);
  assertEquals(await inputOf([]).read(), "");
});

Deno.test("a pipe without an invitation is not read forever", async () => {
  const endless = inputOf(Array.from({ length: 100 }, () => "x".repeat(100)), { open: true });
  const text = await endless.read();
  assertEquals(text.length > MAX_LINE_LENGTH && text.length < 3 * MAX_LINE_LENGTH, true);
});

Deno.test("a terminal is asked for one line, does not echo it, and is restored", async () => {
  for (const keys of [[`${line}\r`], [...line, "\n"], [`xyz\x15${line}ab\x7f\b\r`], [line]]) {
    const { state, read } = inputOf(keys, { terminal: true });
    assertEquals(await read(), line);
    assertEquals([state.raw, state.switched], [false, 2]);
    assertEquals(state.prompts, "Paste the invitation (it is not shown), then press Enter: \n");
  }
});

Deno.test("Ctrl-C and Ctrl-D give up, and the terminal is restored", async () => {
  for (const keys of ["abc\x03", "\x04"]) {
    const { state, read } = inputOf([keys], { terminal: true, open: true });
    await assertRejects(read, InputCancelled);
    assertEquals([state.raw, state.switched], [false, 2]);
  }
  const failing = inputOf([], { terminal: true, open: true });
  await assertRejects(failing.read, Error, "read too far");
  assertEquals(failing.state.raw, false);
});
