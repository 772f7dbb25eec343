import type { Clock } from "../net/clock.ts";
import { formatAddress } from "../net/address.ts";
import type { Network } from "../net/connection.ts";
import { DemoError } from "./error.ts";
import { bytes, seconds } from "./format.ts";
import { bytesOf } from "./overhear.ts";
import { ProgressBar } from "./progress.ts";
import type { Reply } from "./request.ts";
import type { Screen } from "./screen.ts";
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

/** What a tour needs beside the setup. */
export interface TourOptions {
  /** That of the setup. */
  readonly network: Network;
  /** That of the setup. */
  readonly clock: Clock;
  /** Those of the setup. */
  readonly limits: TransferLimits;
  /** Gives up what would take its time. */
  readonly signal: AbortSignal;
  /** How the program is called. */
  readonly micss: string;
}

/**
 * Shows everything, one thing after the other, and checks what it shows.
 *
 * @throws {DemoError} When something does not work, or does not hold.
 */
export async function tour(setup: Setup, screen: Screen, options: TourOptions): Promise<void> {
  const through = new Through(setup, options.network, options.clock);
  showIntroduction(screen, setup);
  const page = await fetchPage(screen, through, formatAddress(setup.entry));
  compareBytes(screen, page, through.overheard(page));
  await searchForText(screen, through, options.signal);
  putTogether(screen, page, through.overheard(page));
  await transfer(screen, through, options.limits);
  showNext(screen, options.micss);
}

async function fetchPage(screen: Screen, through: Through, entry: string): Promise<Reply> {
  const explanation = `The application asks the client handler for http://${entry}/. This is what comes back, from a web
    server that knows nothing of MICSS:`;
  showTitle(screen, 1, "A page through three channels", explanation);
  const page = await through.get("/", PAGE_BYTES);
  showText(screen, page.bytes);
  return page;
}

function compareBytes(screen: Screen, page: Reply, { association, answer }: Found): void {
  const explanation = `The first bytes of the page, as the application that asked for it got them, and what each tap saw
    pass in their place. On every line, the first column is the XOR of the other three:`;
  showTitle(screen, 2, "The same bytes, at four places", explanation);
  const { bodyStart } = page;
  // The page's bytes that lie together with its first one.
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
  const explanation = `Nothing is easier to find than ${LETTER_IN_WORDS}. So that is what the web server sends now, a
    million bytes. What the taps recorded meanwhile, one by one, any two XORed, and all three:`;
  showTitle(screen, 3, "Is it noise?", explanation);
  const letter = await through.get("/letter", repeated(LETTER_LENGTH));
  const { association } = through.overheard(letter);
  const { text, noise, found, fault } = await searchTaps(association, [PAGE_BYTES], signal);
  showMeasures(screen, text, noise, found);
  if (fault !== null) throw new DemoError(fault);
  const conclusion = `So each tap holds noise, and so do any two of them together, by every measure. All three hold the
    text, which only the heads of MICSS's frames interrupt.`;
  showRemark(screen, conclusion);
}

function putTogether(screen: Screen, page: Reply, { association, answer }: Found): void {
  const explanation =
    `Only someone who listens on every path can read along. This is the page again, made of nothing but the three taps'
    recordings:`;
  showTitle(screen, 4, "All three give the page back", explanation);
  showText(screen, bytesOf(association.message, answer).subarray(page.bodyStart));
}

async function transfer(screen: Screen, through: Through, limits: TransferLimits): Promise<void> {
  const explanation = `${bytes(limits.bytes)}, or as much as goes through in ${
    seconds(limits.ms)
  }. Both handlers share one process with everything else
    here; in processes of their own they are faster.`;
  showTitle(screen, 5, "How fast", explanation);
  const bar = new ProgressBar(screen, limits);
  const { progress, channels } = await through.transfer((progress) => bar.update(progress));
  showThroughput(screen, progress, channels);
  showRemark(screen, "Each channel carries a share of every byte: three times the traffic, in all.");
}
