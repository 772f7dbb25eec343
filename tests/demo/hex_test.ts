import { assert, assertEquals } from "@std/assert";
import { bytesPerLine, sideBySide } from "../../src/demo/hex.ts";

const [letters, controls] = [new TextEncoder().encode("Hello, you"), Uint8Array.of(0, 10, 31, 32, 126, 127, 128, 255)];

Deno.test("views are listed side by side, bytes next to their characters, as long as the shortest", () => {
  assertEquals(sideBySide([{ title: "one", bytes: letters }, { title: "two", bytes: controls }], 4), [
    ["one              ", "two              "],
    ["48 65 6c 6c  Hell", "00 0a 1f 20  ··· "],
    ["6f 2c 20 79  o, y", "7e 7f 80 ff  ~···"],
  ]);
});

Deno.test("a partial line is as wide as the others", () => {
  const [, first, last] = sideBySide([{ title: "one", bytes: letters.subarray(0, 5) }], 4);
  assertEquals([first, last], [["48 65 6c 6c  Hell"], ["6f           o   "]]);
});

Deno.test("a line has as many bytes as fit, and one more would not", () => {
  for (const width of [40, 60, 79, 80, 119]) {
    const perLine = bytesPerLine(width, 4, 3);
    const used = (bytes: number) => 4 * sideBySide([{ title: "", bytes: letters }], bytes)[1]![0]!.length + 3 * 3;
    assert(used(perLine) <= width, `${perLine} bytes in ${width} columns`);
    assert(used(perLine + 1) > width, `only ${perLine} bytes in ${width} columns`);
  }
});

Deno.test("a line shows between one and eight bytes of each view, whatever its width", () => {
  assertEquals([1, 1000].map((width) => bytesPerLine(width, 4, 3)), [1, 8]);
});
