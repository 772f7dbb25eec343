import { assertEquals } from "@std/assert";
import { Screen, type ScreenOptions } from "../../src/demo/screen.ts";
import { PLAIN } from "../../src/demo/terminal.ts";

const TERMINAL: ScreenOptions = { width: 80, live: true, colour: true };
const CLEAR = "\r\x1b[K";

/** Everything that `use` makes a screen write. */
function written(options: ScreenOptions, use: (screen: Screen) => void): string {
  let text = "";
  use(new Screen((more) => text += more, options));
  return text;
}

Deno.test("lines on a pipe are plain text", () => {
  const text = written(PLAIN, (screen) => {
    screen.lines(screen.bold("one"), screen.dim("two"), screen.green("three"));
    screen.status("never seen");
    screen.close();
  });
  assertEquals(text, "one\ntwo\nthree\n");
});

Deno.test("colours end where they should", () => {
  assertEquals(
    written(TERMINAL, (screen) => screen.lines(screen.bold("one") + screen.green("two"))),
    "\x1b[1mone\x1b[22m\x1b[32mtwo\x1b[39m\n",
  );
});

Deno.test("a status is removed by the next one, by lines, and at the end", () => {
  const text = written(TERMINAL, (screen) => {
    screen.status("1");
    screen.status("2");
    screen.lines("line");
    screen.status("3");
    screen.close();
  });
  assertEquals(text, `1${CLEAR}2${CLEAR}line\n3${CLEAR}`);
});

Deno.test("a closed screen shows nothing more", () => {
  const text = written(TERMINAL, (screen) => {
    screen.close();
    screen.lines("too late");
    screen.status("too late");
    screen.close();
  });
  assertEquals(text, "");
});
