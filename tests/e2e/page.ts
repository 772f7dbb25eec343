/** The page at a client handler's admin address, in a headless browser. */
// deno-lint-ignore no-import-prefix -- deno.json would have everyone who runs micss fetch it
import { type Browser, chromium, type Locator, type Page } from "npm:playwright-core@1.56.1";
import { type Pair, startPair } from "../support/handlers/handlers.ts";
import { findProgram, LONG_PATIENCE } from "../support/programs/process.ts";
import { has } from "../support/programs/programs.ts";
import { Relay } from "../support/programs/relay.ts";
import { connect, drain, Target } from "../support/programs/tcp.ts";
import { UdpApplication, UdpEcho, UdpRelay } from "../support/programs/udp.ts";

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
  /** The second channel's datagrams. */
  readonly udpRelay: UdpRelay;
  readonly udpTarget: UdpEcho;
  readonly page: Page;
  readonly complaints: string[];
}

/** Options of {@linkcode openPage}. */
export interface SceneOptions {
  /** Command prefix of the handlers. */
  within?: readonly string[];
  /** Further flags of both handlers. */
  flags?: readonly string[];
  /** Further flags of the client handler alone. */
  clientFlags?: readonly string[];
}

let launched: Promise<Browser> | undefined;

/** The browser of all pages: each has a context of its own. */
function browser(): Promise<Browser> {
  return launched ??= chromium.launch({ executablePath: findProgram("chromium")!, args: FLAGS });
}

/** Starts the browser before, and closes it after, all tests of a file: it outlives each test. Without chromium, nothing. */
export function shareBrowser(): void {
  if (!has("chromium")) return;
  Deno.test.beforeAll(async () => void await browser());
  Deno.test.afterAll(async () => await (await launched)?.close());
}

/**
 * Starts both handlers and opens the client's page.
 *
 * @param how Options of the browser's window.
 */
export async function openPage(
  how: Parameters<Browser["newPage"]>[0] = {},
  { within = [], flags = [], clientFlags = [] }: SceneOptions = {},
): Promise<Scene> {
  await using making = new AsyncDisposableStack();
  const target = making.use(new Target()), udpTarget = making.use(new UdpEcho());
  let relay: Relay | undefined, udpRelay: UdpRelay | undefined;
  const pair = making.use(
    await startPair({
      target: target.address,
      udpTarget: udpTarget.address,
      flags: ["--admin", "127.0.0.1:0", ...flags],
      clientFlags,
      within,
      through([a, b, c]) {
        relay = making.use(new Relay({ host: b!.host, port: 0 }, b!));
        udpRelay = making.use(new UdpRelay(relay.address, b!));
        return [a!, relay.address, c!];
      },
    }),
  );
  const page = await (await browser()).newPage(how);
  making.defer(() => page.close());
  page.setDefaultTimeout(LONG_PATIENCE);
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
  return {
    ...{ pair, target, relay: relay!, udpRelay: udpRelay!, udpTarget, page, complaints },
    [Symbol.asyncDispose]: () => made.disposeAsync(),
  };
}

/** Sends a datagram of `length` bytes every 10 ms. */
export function sendDatagrams({ pair }: Scene, length: number): Disposable {
  const application = new UdpApplication(pair.udpEntry), timer = setInterval(() => application.send(length), 10);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      application[Symbol.dispose]();
    },
  };
}

/** Runs a session that carries a few megabytes a second, which leaves time for the browser. */
export async function transfer(
  { pair, target }: Scene,
  direction: "to the target" | "from the target" = "to the target",
): Promise<AsyncDisposable> {
  const application = await connect(pair.entry), served = await target.accept(pair);
  const [from, to] = direction === "to the target" ? [application, served] : [served, application];
  const over = drain(to);
  const block = new Uint8Array(65_536);
  let writing: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => writing = writing.then(() => from.write(block)).catch(() => {}), 20);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      from.reset();
      await Promise.all([writing, over]);
    },
  };
}
