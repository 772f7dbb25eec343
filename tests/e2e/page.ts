/** The page at a client handler's admin address, in a headless browser. */
// deno-lint-ignore no-import-prefix -- deno.json would have everyone who runs micss fetch it
import { type Browser, chromium, type Locator, type Page } from "npm:playwright-core@1.56.1";
import { type Pair, startPair } from "../support/handlers/handlers.ts";
import { findProgram, PATIENCE } from "../support/programs/process.ts";
import { Relay } from "../support/programs/relay.ts";
import { connect, drain, Target } from "../support/programs/tcp.ts";

export type { Locator, Page };

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A pair whose second channel can be cut, the client's page, and the browser's complaints. */
export interface Scene extends AsyncDisposable {
  readonly pair: Pair;
  readonly target: Target;
  readonly relay: Relay;
  readonly page: Page;
  readonly complaints: string[];
}

/**
 * Starts both handlers and opens the client's page.
 *
 * @param how Options of the browser's window.
 * @param within Command prefix of the handlers.
 */
export async function openPage(
  how: Parameters<Browser["newPage"]>[0] = {},
  within: readonly string[] = [],
): Promise<Scene> {
  await using making = new AsyncDisposableStack();
  const target = making.use(new Target());
  let relay: Relay | undefined;
  const pair = making.use(
    await startPair({
      target: target.address,
      flags: ["--admin", "127.0.0.1:0"],
      within,
      through([a, b, c]) {
        relay = making.use(new Relay({ host: b!.host, port: 0 }, b!));
        return [a!, relay.address, c!];
      },
    }),
  );
  const browser = await chromium.launch({ executablePath: findProgram("chromium")!, args: FLAGS });
  making.defer(() => browser.close());
  const page = await browser.newPage(how);
  page.setDefaultTimeout(PATIENCE);
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(`http://${at}/`)) complaints.push(`asked for ${request.url()}`);
  });
  const { at } = await pair.client.waitForLog("admin");
  await page.goto(`http://${at}/`);
  await page.locator(".badge.live").waitFor();
  const made = making.move();
  return { pair, target, relay: relay!, page, complaints, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

/** Runs a session that sends a few megabytes a second, which leaves time for the browser. */
export async function transfer({ pair, target }: Scene): Promise<AsyncDisposable> {
  const application = await connect(pair.entry);
  const over = drain(await target.accept(pair));
  const block = new Uint8Array(65_536);
  let writing: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => writing = writing.then(() => application.write(block)).catch(() => {}), 20);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      application.reset();
      await Promise.all([writing, over]);
    },
  };
}
