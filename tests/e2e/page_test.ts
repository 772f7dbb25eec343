/** The page at the admin address, in a real browser without a screen. */
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { type Pair, startPair } from "../support/handlers.ts";
import { findProgram, PATIENCE } from "../support/process.ts";
import { testWith } from "../support/programs.ts";
import { Relay } from "../support/programs_relay.ts";
import { connect, drain, Target } from "../support/programs_tcp.ts";

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

/** A pair whose second channel can be cut, a page that shows its client, and all that the browser complained of. */
interface Scene extends AsyncDisposable {
  readonly pair: Pair;
  readonly target: Target;
  readonly relay: Relay;
  readonly page: Page;
  readonly complaints: string[];
}

async function open(how: Parameters<Browser["newPage"]>[0] = {}): Promise<Scene> {
  await using making = new AsyncDisposableStack();
  const target = making.use(new Target());
  let relay: Relay | undefined;
  const pair = making.use(
    await startPair({
      target: target.address,
      flags: ["--admin", "127.0.0.1:0"],
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

/** A session under way through which the application says some megabytes a second, and leaves the browser its time. */
async function transfer({ pair, target }: Scene): Promise<AsyncDisposable> {
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

const lane = (page: Page, channel: number): Locator => page.locator(".lane").nth(channel - 1);

/** Waits until a part of the page has a text. */
function shows(part: Locator, text: RegExp): Promise<void> {
  return part.filter({ hasText: text }).waitFor();
}

testWith(["chromium"], "a transfer makes the lanes move, and shows as a session", async () => {
  await using scene = await open();
  const { page } = scene;
  assertEquals(await page.locator(".lane").count(), 3);
  await page.locator(".lane.unused").nth(2).waitFor();
  await using _transfer = await transfer(scene);
  await page.locator(".lane.flowing").nth(2).waitFor();
  const chart = lane(page, 1).locator(".chart");
  const before = (await chart.screenshot()).toHex();
  // The first second that is shown may have had no more than the session's beginning.
  for (const channel of [1, 2, 3]) await shows(lane(page, channel).locator("dd.out"), /[kMG]B\/s$/);
  await shows(page.locator("#session-rows tr"), /web:80/);
  await shows(page.locator("#figure-sessions"), /^1$/);
  // Another second is drawn, and said to who hears the page.
  const first = await chart.getAttribute("aria-label");
  await lane(page, 1).locator(`.chart:not([aria-label="${first}"])`).waitFor();
  assertNotEquals((await chart.screenshot()).toHex(), before);
  assertEquals(scene.complaints, []);
});

testWith(["chromium"], "a channel that is cut turns its lane red, and the event says which it was", async () => {
  await using scene = await open();
  const { page, relay } = scene;
  await using _transfer = await transfer(scene);
  await page.locator(".lane.flowing").nth(2).waitFor();
  relay.cut("reset");
  await page.locator(".lane.failed").waitFor();
  assertMatch((await lane(page, 2).getAttribute("class"))!, /failed/);
  assertEquals(await page.locator(".lane.failed").count(), 1);
  assertMatch((await lane(page, 2).locator(".failure").textContent())!, /^Failed \d+ s ago: .*reset/i);
  const red = "getComputedStyle(document.querySelector('.lane.failed')).borderLeftColor";
  assertEquals(await page.evaluate(red), "rgb(179, 38, 30)");
  await shows(page.locator("#event-list li.warn").first(), /session reset.*channel 2/);
  await shows(page.locator("#figure-resets"), /^1$/);
  assertEquals(scene.complaints, []);
});

testWith(["chromium"], "the page is dark where dark is preferred, and fits a phone", async () => {
  await using scene = await open({ colorScheme: "dark", viewport: { width: 360, height: 740 } });
  const { page } = scene;
  await page.locator(".lane").nth(2).waitFor();
  assertEquals(await page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(15, 19, 26)");
  assertEquals(await page.evaluate("document.documentElement.scrollWidth"), 360);
  await page.emulateMedia({ colorScheme: "light" });
  assertEquals(await page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(244, 245, 247)");
  assertEquals(scene.complaints, []);
});

testWith(["chromium"], "all of the page can be reached by the keyboard, and each part has a name", async () => {
  await using scene = await open();
  const { page } = scene;
  await page.locator(".lane").nth(2).waitFor();
  const reached: string[] = [];
  await using _transfer = await transfer(scene);
  await page.locator("#session-rows tr").waitFor();
  for (let presses = 0; presses < 6; presses++) {
    await page.keyboard.press("Tab");
    reached.push(
      await page.evaluate(`(() => {
        const { activeElement: at } = document;
        const by = at.getAttribute("aria-labelledby");
        return at.getAttribute("aria-label") ?? (by ? document.getElementById(by) : at).textContent;
      })()`),
    );
  }
  assertEquals(reached.slice(0, 1), ["To the channels"]);
  assertEquals(reached.slice(1, 4).map((name) => name.replace(/ at .*:\d+: .*/, "")), [
    "web channel 1",
    "web channel 2",
    "web channel 3",
  ]);
  assertEquals(reached.slice(4), ["Sessions", "Events"]);
});

testWith(["chromium"], "a handler that has ended shows as gone", async () => {
  await using scene = await open();
  await scene.pair.client.stop();
  await scene.page.locator(".badge.lost").waitFor();
  assertEquals(await scene.page.locator("#connection").textContent(), "no answer");
});
