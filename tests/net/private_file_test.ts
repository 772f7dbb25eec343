import { assertEquals } from "@std/assert";
import { isPrivate } from "../../src/net/private_file.ts";

Deno.test("a file is private if only its owner has access, or root's group may read it and this process is not root", () => {
  const cases: [mode: number, uid: number, own: number | null, kept: boolean][] = [
    [0o600, 7, 7, true],
    [0o400, 0, 7, true],
    [0o640, 7, 7, false],
    [0o604, 7, 7, false],
    [0o440, 0, 7, true],
    [0o640, 0, 7, true],
    [0o660, 0, 7, false],
    [0o650, 0, 7, false],
    [0o444, 0, 7, false],
    [0o440, 0, 0, false],
    [0o440, 0, null, false],
    [0o440, 8, 7, false],
  ];
  for (const [mode, uid, own, kept] of cases) {
    assertEquals(
      isPrivate({ mode: 0o100000 | mode, uid }, () => own),
      kept,
      `${mode.toString(8)} of ${uid} for ${own}`,
    );
  }
  assertEquals(isPrivate({ mode: null, uid: null }, () => null), true);
});
