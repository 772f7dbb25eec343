import { type Address, formatAddress } from "../net/address.ts";
import { bytes, columns, count, seconds } from "../text/format.ts";
import { bytesPerLine, sideBySide, type View } from "./hex.ts";
import { type Progress, rate } from "./progress.ts";
import { INDENT, MARGIN, type Screen } from "./screen.ts";
import type { Measured } from "./search.ts";
import type { Setup } from "./setup.ts";
import { LINE, REPETITIONS } from "./text.ts";
import { wrap } from "./wrap.ts";

/** Number of lines of a hexadecimal listing. */
const LISTING_LINES = 8;

/** Introduces MICSS and the setup. */
export function showIntroduction(screen: Screen, { taps, distinct }: Setup): void {
  const names = taps.map(({ address }, index) => `─ tap ${index + 1} · ${formatAddress(address)} `);
  const width = Math.max(...names.map((name) => name.length)) + 1;
  const [top, middle, bottom] = names.map((name) => name.padEnd(width, "─"));
  screen.lines(
    "",
    screen.bold("MICSS: a connection over several paths, and nothing to read on all but one"),
    "",
    ...wrap(
      `MICSS splits every byte of a TCP connection into shares and sends each share over a network path of its own, a
      channel. All shares together give the byte back; any fewer are noise. A byte that is changed
      on the way is found, and the connection reset. Here, it all runs in one process and on loopback, with three channels and a wiretap on each${
        distinct ? ":" : ` (at one address: this system has no more):`
      }`,
      screen.width,
      INDENT,
    ),
    "",
    `${MARGIN}                          ┌${top}┐`,
    `${MARGIN}application ── client  ───┼${middle}┼──── server  ── web`,
    `${MARGIN}               handler    └${bottom}┘     handler    server`,
  );
}

/** Shows a numbered title and a paragraph. */
export function showTitle(screen: Screen, number: number, title: string, paragraph: string): void {
  screen.lines("", screen.bold(`${number} · ${title}`), "", ...wrap(paragraph, screen.width, INDENT), "");
}

/** Shows received text, decoded as UTF-8, with a line on its left. */
export function showText(screen: Screen, text: Uint8Array): void {
  const lines = new TextDecoder().decode(text).trimEnd().split(/\r?\n/);
  screen.lines(...lines.map((line) => `${MARGIN}${screen.dim("│")}${line === "" ? "" : ` ${screen.green(line)}`}`));
}

/** Shows the application's bytes and each tap's in columns: the first is the XOR of the others. */
export function showListing(screen: Screen, application: View, taps: readonly View[]): void {
  const views = [application, ...taps];
  const perLine = bytesPerLine(screen.width - INDENT - 1, views.length, " = ".length);
  const lines = sideBySide(
    views.map(({ title, bytes }) => ({ title, bytes: bytes.subarray(0, LISTING_LINES * perLine) })),
    perLine,
  );
  const [titles, ...rows] = lines.map(([first, ...rest], index) => {
    const [equals, xor] = index === 0 ? ["   ", "   "] : [" = ", " ^ "];
    const own = index === 0 ? first! : screen.green(first!);
    return `${MARGIN}${own}${equals}${screen.dim(rest.join(xor).trimEnd())}`;
  });
  screen.lines(titles!, ...rows);
}

/** Shows a table of measures: the text, expected noise, and the recordings. */
export function showMeasures(screen: Screen, text: Measured, noise: Measured, found: readonly Measured[]): void {
  const rows = [
    ["", "entropy", "chi-square", "gzip", "longest run"],
    ["", "bits a byte", "of the bytes", "leaves", "of the text"],
    row(text),
    [noise.name, noise.measures.entropy.toFixed(4), "255 ± 23", "100.0 %", `about ${count(noise.measures.run)} bytes`],
    ...found.map(row),
  ];
  const lines = columns(rows, ["left", "right", "right", "right", "right"]).map((line) => MARGIN + line);
  const [title, units, ofText, ofNoise, ...rest] = lines;
  const last = rest.pop();
  screen.lines(screen.dim(title!), screen.dim(units!), screen.green(ofText!), ofNoise!, "", ...rest);
  screen.lines(screen.green(last!));
}

/** Shows a paragraph after a listing or table. */
export function showRemark(screen: Screen, paragraph: string): void {
  screen.lines("", ...wrap(paragraph, screen.width, INDENT));
}

function row({ name, measures: { entropy, chiSquare, gzip, run } }: Measured): string[] {
  return [name, entropy.toFixed(4), count(chiSquare), `${(gzip * 100).toFixed(1)} %`, `${count(run)} bytes`];
}

/** Counts of a tap. */
export interface Counted {
  /** Listening address. */
  readonly address: Address;
  /** In bytes. */
  readonly up: number;
  /** In bytes. */
  readonly down: number;
}

/** Shows the rate of the transfer, and the bytes of each channel. */
export function showThroughput(screen: Screen, progress: Progress, channels: readonly Counted[]): void {
  screen.lines(
    `${MARGIN}${bytes(progress.bytes)} in ${seconds(progress.ms)}: ${screen.bold(rate(progress))}`,
    "",
    ...columns(
      channels.map(({ address, up, down }, index) => [
        `channel ${index + 1}`,
        formatAddress(address),
        `${count(down)} bytes down`,
        `${count(up)} up`,
      ]),
      ["left", "left", "right", "right"],
    ).map((line) => MARGIN + line),
  );
}

/** Shows what to try next. @param micss Command that runs the program. */
export function showNext(screen: Screen, micss: string): void {
  screen.lines(
    "",
    screen.bold("Next"),
    "",
    ...wrap(
      "Between two hosts joined by more than one path (see README.md). On the server:",
      screen.width,
      INDENT,
    ),
    `${MARGIN}  ${micss} server --channel 192.0.2.10 --channel 198.51.100.10 \\`,
    `${MARGIN}    --target 80=127.0.0.1:8080`,
    ...wrap("On the client:", screen.width, INDENT),
    `${MARGIN}  ${micss} client --server web=192.0.2.10,198.51.100.10 \\`,
    `${MARGIN}    --forward 127.0.0.1:8080=web:80`,
    `${MARGIN}  curl http://127.0.0.1:8080/`,
    "",
    ...columns([
      [`${micss} help`, "every command and its flags"],
      ["deno task test", "the tests, with real programs and networks"],
      ["docs/PROTOCOL.md", "what is on the channels, byte by byte"],
      ["docs/SECURITY.md", "what is promised, against whom, and what is not"],
    ], ["left", "left"]).map((line) => MARGIN + line),
    "",
  );
}

/** The measured text in words. */
export const LETTER_IN_WORDS = `"${LINE.trimEnd()}" ${count(REPETITIONS)} times`;
