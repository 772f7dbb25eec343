import type { Clock } from "../time/clock.ts";
import { formatAddress } from "../net/address.ts";
import type { Network } from "../net/connection.ts";
import { DemoError } from "./error.ts";
import { bytes, columns, count, seconds } from "../text/format.ts";
import { bytesOf } from "./overhear.ts";
import { ProgressBar } from "./progress.ts";
import type { Reply } from "./request.ts";
import { MARGIN, type Screen } from "./screen.ts";
import { searchTaps } from "./search.ts";
import type { Setup } from "./setup.ts";
import {
  LETTER_IN_WORDS,
  showIntroduction,
  showListing,
  showMeasures,
  showNext,
  showRemark,
  showText,
  showThroughput,
  showTitle,
} from "./show.ts";
import { LETTER_LENGTH, PAGE_BYTES, repeated } from "./text.ts";
import { type Found, Through } from "./through.ts";
import type { TransferLimits } from "./web_server.ts";

/** Options of a tour, besides the setup. */
export interface TourOptions {
  /** The one of the setup. */
  readonly network: Network;
  /** The one of the setup. */
  readonly clock: Clock;
  /** The ones of the setup. */
  readonly limits: TransferLimits;
  /** Aborts long operations. */
  readonly signal: AbortSignal;
  /** Command that runs the program. */
  readonly micss: string;
}

/**
 * Shows everything step by step, and verifies what it shows.
 *
 * @throws {DemoError} If something fails, or a claim does not hold.
 */
export async function tour(setup: Setup, screen: Screen, options: TourOptions): Promise<void> {
  const through = new Through(setup, options.network, options.clock);
  showIntroduction(screen, setup);
  const page = await fetchPage(screen, through, formatAddress(setup.entry));
  compareBytes(screen, page, through.overheard(page));
  await searchForText(screen, through, options.signal);
  putTogether(screen, page, through.overheard(page));
  await transfer(screen, through, options.limits);
  await cutPath(screen, through, options.limits);
  await tamper(screen, through);
  showNext(screen, options.micss);
}

async function fetchPage(screen: Screen, through: Through, entry: string): Promise<Reply> {
  const explanation = `The application requests http://${entry}/ from the client handler. This is the answer of a web
    server that is unaware of MICSS:`;
  showTitle(screen, 1, "A page through three channels", explanation);
  const page = await through.get("/", PAGE_BYTES);
  showText(screen, page.bytes);
  return page;
}

function compareBytes(screen: Screen, page: Reply, { association, answer }: Found): void {
  const explanation = `The first bytes of the page as the application received them, and the bytes that each tap saw in
    their place. On every line, the first column is the XOR of the other three:`;
  showTitle(screen, 2, "The same bytes, seen in four places", explanation);
  const { bodyStart } = page;
  // Bytes of the page that are contiguous with its first one.
  let end = 0;
  const piece = answer.find(({ length }) => (end += length) > bodyStart)!;
  const length = end - bodyStart;
  const position = piece.position + piece.length - length;
  const views = association.shares.map((share, index) => ({
    title: `tap ${index + 1} saw`,
    bytes: share.subarray(position, position + length),
  }));
  showListing(screen, { title: "application got", bytes: page.bytes.subarray(bodyStart, bodyStart + length) }, views);
}

async function searchForText(screen: Screen, through: Through, signal: AbortSignal): Promise<void> {
  const explanation = `Nothing is easier to find than ${LETTER_IN_WORDS}. So the web server now sends that, a million
    bytes. These are the recordings of the taps: each one, each two XORed, and all three XORed:`;
  showTitle(screen, 3, "Is it noise?", explanation);
  const letter = await through.get("/letter", repeated(LETTER_LENGTH));
  const { association } = through.overheard(letter);
  const { text, noise, found, fault } = await searchTaps(association, [PAGE_BYTES], signal);
  showMeasures(screen, text, noise, found);
  if (fault !== null) throw new DemoError(fault);
  const conclusion =
    `By every measure, each tap recorded noise, and so do any two of them together. All three contain the
    text, interrupted only by the heads of MICSS's records and frames.`;
  showRemark(screen, conclusion);
}

function putTogether(screen: Screen, page: Reply, { association, answer }: Found): void {
  const explanation =
    `Only someone who listens on every path can read along. This is the page again, reconstructed from the three
    recordings alone:`;
  showTitle(screen, 4, "All three give the page back", explanation);
  showText(screen, bytesOf(association.message, answer).subarray(page.bodyStart));
}

async function transfer(screen: Screen, through: Through, limits: TransferLimits): Promise<void> {
  const explanation = `${bytes(limits.bytes)}, or as much as goes through in ${
    seconds(limits.ms)
  }. Both handlers share one process with everything else
    here; separate processes are faster.`;
  showTitle(screen, 5, "How fast", explanation);
  const bar = new ProgressBar(screen, limits);
  const { progress, channels } = await through.transfer((progress) => bar.update(progress));
  showThroughput(screen, progress, channels);
  showRemark(screen, "Each channel carries a share of every byte: three times the traffic in total.");
}

async function cutPath(screen: Screen, through: Through, limits: TransferLimits): Promise<void> {
  const explanation = `Another download, of ${
    bytes(limits.bytes / 4)
  } at most. On its way, tap 2 resets its connection, as
    a path does that breaks:`;
  showTitle(screen, 6, "A path is cut", explanation);
  const { before, total, ms } = await through.cut(1, limits);
  screen.lines(`${MARGIN}cut after ${bytes(before)}; in use again ${Math.round(ms)} ms later; ${bytes(total)} arrived`);
  showRemark(
    screen,
    "Both handlers keep what the other one may not have. Nothing was lost, and no application noticed.",
  );
}

async function tamper(screen: Screen, through: Through): Promise<void> {
  const explanation = "The letter again. This time tap 2 does not only listen: it flips one bit on its way.";
  showTitle(screen, 7, "A wiretap that tampers", explanation);
  const { received, reason } = await through.tamper(1);
  screen.lines(
    ...columns([
      ["client handler", reason],
      ["application", `got ${count(received)} of ${count(LETTER_LENGTH)} bytes, all of them right`],
    ], ["left", "left"]).map((line) => MARGIN + line),
  );
  const remark =
    "With a threshold, such as two of three channels, the handlers join the text without the share that is " +
    "wrong, name the channel, and go on.";
  showRemark(screen, remark);
}
